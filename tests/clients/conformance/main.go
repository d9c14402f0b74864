// SPDX-License-Identifier: Apache-2.0

// conformance SOCKET MODULE LIST - what conformance.txt lists, with the Go client
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"time"

	"github.com/containerd/ttrpc"
	"google.golang.org/grpc/codes"
	grpc "google.golang.org/grpc/status"

	"crib"
	pb "crib/proto"
)

const mib = 1024 * 1024

var (
	ctx     = context.Background()
	socket  string
	module  string
	client  *crib.Client
	refused = "socket(domain=AF_INET, type=SOCK_STREAM, protocol=IPPROTO_IP)"
)

type failure string

func check(err error) {
	if err != nil {
		panic(failure(err.Error()))
	}
}

func want(good bool, format string, args ...interface{}) {
	if !good {
		panic(failure(fmt.Sprintf(format, args...)))
	}
}

func same(got, wanted interface{}) {
	want(reflect.DeepEqual(got, wanted), "got %.300q, not %.300q", fmt.Sprint(got), fmt.Sprint(wanted))
}

// must returns what a call returned.
func must[T any](result T, err error) T {
	check(err)
	return result
}

// fails returns the error of a call.
func fails[T any](_ T, err error) *crib.Error {
	var answer *crib.Error
	want(errors.As(err, &answer), "it did not fail as it should: %v", err)
	return answer
}

func text(reader io.Reader) string {
	return string(must(io.ReadAll(reader)))
}

func shell(line string) []string {
	return []string{"-c", line}
}

// ends waits for an exit status.
func ends(task *crib.Task, status int) *crib.Result {
	result := must(task.Wait(ctx))
	same([]interface{}{result.Verdict, result.Status}, []interface{}{crib.Exited, status})
	return result
}

func numbers(first, last int) string {
	var all strings.Builder
	for n := first; n <= last; n++ {
		fmt.Fprintf(&all, "%d\n", n)
	}
	return all.String()
}

func info() {
	info := must(client.Info(ctx))
	names := " " + strings.Join(info.Policies, " ") + " "
	want(info.Version != "" && strings.Contains(names, " default ") && strings.Contains(names, " strict "),
		"%q, policies%s", info.Version, names)
	same(int(info.PeerUid), os.Getuid())
}

func streams() {
	line := `while read -r l; do echo "out $l"; echo "err $l" >&2; done; exit 3`
	task := must(client.Spawn(ctx, "/bin/sh", shell(line), nil))
	must(io.WriteString(task.Stdin, "one\ntwo\n"))
	check(task.Stdin.Close())
	same(text(task.Stdout), "out one\nout two\n")
	same(text(task.Stderr), "err one\nerr two\n")
	result := ends(task, 3)
	want(len(result.Receipt) > 0 && result.WallTime > 0, "%+v", result)
}

func large() {
	task := must(client.Spawn(ctx, "cat", nil, &crib.Options{Stderr: crib.Null}))
	random := func() io.Reader { return io.LimitReader(rand.New(rand.NewSource(1)), 64*mib) }
	written := make(chan error)
	go func() {
		_, err := io.CopyBuffer(task.Stdin, random(), make([]byte, mib))
		if err == nil {
			err = task.Stdin.Close()
		}
		written <- err
	}()
	got, wanted := sha256.New(), sha256.New()
	size := must(io.Copy(got, task.Stdout))
	check(<-written)
	must(io.Copy(wanted, random()))
	same(size, int64(64*mib))
	want(bytes.Equal(got.Sum(nil), wanted.Sum(nil)), "other bytes")
	ends(task, 0)
}

func exec() {
	done := must(client.Exec(ctx, "cat; echo err >&2; exit 7", &crib.ExecOptions{Input: []byte("out\n")}))
	same([]string{fmt.Sprint(done.Status), string(done.Stdout), string(done.Stderr)}, []string{"7", "out\n", "err\n"})
	same(must(client.Exec(ctx, "kill -9 $$", nil)).Status, -9)
	err := fails(client.Exec(ctx, "seq 100000", &crib.ExecOptions{MaxBuffer: 1000}))
	want(errors.Is(err, syscall.ENOBUFS), "%v", err)
}

func kill() {
	task := must(client.Spawn(ctx, "sleep", []string{"1000"}, nil))
	seen := ""
	check(task.Events(ctx, func(event crib.Event) error {
		if event.Started {
			seen += "started "
			return task.Kill(ctx, syscall.SIGTERM)
		}
		if event.Exit != nil {
			seen += "exit"
			same([]interface{}{event.Exit.Verdict, event.Exit.Status, event.Exit.Signal},
				[]interface{}{crib.Killed, -1, syscall.SIGTERM})
		}
		return nil
	}))
	same(seen, "started exit")
}

func timeout() {
	task := must(client.Spawn(ctx, "sleep", []string{"1000"}, &crib.Options{Timeout: 200 * time.Millisecond}))
	same(must(task.Wait(ctx)).Verdict, crib.WallTimeout)
}

func setupFailed() {
	err := fails(client.ExecFile(ctx, "/no/such/program", nil, nil))
	want(errors.Is(err, syscall.ENOENT), "%v", err)
	want(err.Step != "" && strings.Contains(err.Text, "/no/such/program"), "%q: %q", err.Step, err.Text)
}

func messages() {
	task := must(client.Fork(ctx, module, []string{"echo"}, nil))
	blob := make([]byte, 3*mib)
	rand.New(rand.NewSource(2)).Read(blob)
	sent := []crib.Message{{Type: "text", Data: []byte("hello")}, {Type: "none"}, {Type: "blob", Data: blob}}
	for _, message := range sent {
		check(task.Send(ctx, message))
	}
	for _, message := range sent {
		got := must(task.Receive(ctx))
		same(got.Type, message.Type)
		want(bytes.Equal(got.Data, message.Data) && len(got.Files) == 0, "another message")
	}
	check(task.Disconnect(ctx))
	_, err := task.Receive(ctx)
	same(err, io.EOF)
	ends(task, 0)
}

func denied() {
	task := must(client.Spawn(ctx, module, []string{"socket"}, nil))
	stop := errors.New("seen")
	same(task.Events(ctx, func(event crib.Event) error {
		if event.Denied == nil {
			return nil
		}
		same([]string{event.Denied.Call, event.Denied.Text, event.Denied.Answer}, []string{"socket", refused, "EPERM"})
		return stop
	}), stop)
	same(text(task.Stdout), "Operation not permitted\n")
	result := ends(task, 0)
	want(len(result.Denials) == 1 && result.Denials[0].Text == refused, "%+v", result.Denials)
}

func refusedPolicy() {
	policy := &pb.Policy{
		Extends: []string{"default"}, Mounts: []*pb.Mount{{Source: []byte("/no/such"), Target: []byte("/srv")}},
	}
	err := fails(client.Spawn(ctx, "true", nil, &crib.Options{Inline: policy}))
	same([]interface{}{err.Step, err.Errno, err.Status}, []interface{}{"mounts", int(syscall.ENOENT), codes.NotFound})
	want(strings.Contains(err.Text, "/no/such"), "%s", err.Text)
}

func policy() {
	few, other := uint64(7), uint64(77)
	effective := must(client.PolicyCheck(ctx, "", &pb.Policy{
		Extends: []string{"default"}, Limits: &pb.Limits{OpenFiles: &few},
	}))
	same(*effective.Limits.OpenFiles, few)
	same(len(effective.Extends), 0)
	err := fails(client.PolicyCheck(ctx, "", &pb.Policy{Caps: &pb.Caps{Keep: []string{"CAP_NONE_SUCH"}}}))
	want(strings.Contains(err.Text, "CAP_NONE_SUCH"), "%s", err.Text)
	plan := must(client.Plan(ctx, "/usr/bin/true", nil, nil))
	want(strings.Contains(plan, "/usr/bin/true"), "the plan does not name it")
	limited := &crib.ExecOptions{Options: crib.Options{Limits: &pb.Limits{OpenFiles: &other}}}
	same(string(must(client.Exec(ctx, "ulimit -n", limited)).Stdout), "77\n")
}

func unknownMethod() {
	for _, name := range [][]string{{"crib.Executor", "NoSuchMethod"}, {"crib.NoSuchService", "Info"}} {
		err := client.Call(ctx, name[0], name[1], &pb.InfoRequest{}, &pb.InfoResponse{})
		same(fails(0, err).Status, codes.Unimplemented)
	}
}

// deadline tells the daemon a time, but not containerd's client, which would else keep it itself.
func deadline() {
	tell := func(ctx context.Context, request *ttrpc.Request, response *ttrpc.Response, _ *ttrpc.UnaryClientInfo,
		invoke ttrpc.Invoker) error {
		if request.Method == "Wait" {
			request.TimeoutNano = int64(200 * time.Millisecond)
		}
		return invoke(ctx, request, response)
	}
	task := must(client.Spawn(ctx, "sleep", []string{"1000"}, nil))
	rpc := ttrpc.NewClient(must(net.Dial("unix", socket)), ttrpc.WithUnaryClientInterceptor(tell))
	api := pb.NewExecutorClient(rpc)
	_, err := api.Wait(ctx, &pb.WaitRequest{Task: task.ID, Until: pb.TaskState_ENDED, Wait: 60000})
	same(grpc.Code(err), codes.DeadlineExceeded)
	must(api.Info(ctx, &pb.InfoRequest{}))
	check(rpc.Close())
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	_, err = task.Wait(short)
	want(errors.Is(err, context.DeadlineExceeded), "%v", err)
	check(task.Kill(ctx, syscall.SIGKILL))
	same(must(task.Wait(ctx)).Verdict, crib.Killed)
}

func files() {
	dir := must(os.MkdirTemp("", "crib-"))
	defer os.RemoveAll(dir)
	source, target := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	check(os.WriteFile(source, []byte("from a file\n"), 0o600))
	for i := 0; i < 2; i++ {
		options := &crib.Options{Stdin: crib.ReadFrom(source), Stdout: crib.AppendTo(target)}
		ends(must(client.Spawn(ctx, "cat", nil, options)), 0)
	}
	same(string(must(os.ReadFile(target))), "from a file\nfrom a file\n")
}

func given() {
	source, input := mustPipe()
	output, target := mustPipe()
	options := &crib.Options{Stdin: crib.Given(source), Stdout: crib.Given(target)}
	task := must(client.Spawn(ctx, "cat", nil, options))
	check(source.Close())
	check(target.Close())
	want(task.Stdin == nil && task.Stdout == nil && task.Stderr != nil, "streams of what was given")
	must(input.WriteString("handed over\n"))
	check(input.Close())
	same(text(output), "handed over\n")
	ends(task, 0)
}

func mustPipe() (*os.File, *os.File) {
	read, write, err := os.Pipe()
	check(err)
	return read, write
}

func passed() {
	task := must(client.Fork(ctx, module, []string{"echo"}, nil))
	read, write := mustPipe()
	check(task.Send(ctx, crib.Message{Type: "pipe", Files: []*os.File{write}}))
	check(write.Close())
	message := must(task.Receive(ctx))
	same([]interface{}{message.Type, len(message.Files)}, []interface{}{"pipe", 1})
	must(message.Files[0].WriteString("through it"))
	check(message.Files[0].Close())
	check(task.Disconnect(ctx))
	ends(task, 0)
	same(text(read), "through it")
}

// upTo reads to a line's end.
func upTo(reader io.Reader, end string) string {
	got, one := "", make([]byte, 1)
	for !strings.HasSuffix(got, end) {
		must(io.ReadFull(reader, one))
		got += string(one)
	}
	return got
}

func terminal() {
	task := must(client.Spawn(ctx, "/bin/sh", shell("stty size; read x; stty size"), &crib.Options{
		Stdin: crib.PTY, Stdout: crib.PTY, Stderr: crib.PTY, Rows: 31, Cols: 97,
	}))
	same(upTo(task.Stdout, "\n"), "31 97\r\n")
	check(task.Resize(ctx, 33, 99))
	must(task.Stdin.Write([]byte("\n")))
	want(strings.Contains(text(task.Stdout), "33 99\r\n"), "the size has not changed")
	ends(task, 0)
}

func list() {
	task := must(client.Spawn(ctx, "cat", nil, &crib.Options{Label: "a label"}))
	found := 0
	for _, info := range must(client.List(ctx)) {
		if info.Task == task.ID {
			found++
			same([]string{info.Label, string(info.File), info.Policy}, []string{"a label", "cat", "default"})
		}
	}
	same(found, 1)
	same(fails(0, task.Forget(ctx)).Status, codes.FailedPrecondition)
	check(task.Stdin.Close())
	ends(task, 0)
	check(task.Forget(ctx))
	same(fails(task.Inspect(ctx)).Status, codes.NotFound)
}

func reconnect() {
	first := must(crib.Dial(socket))
	line := "seq 1 20000; read x; seq 20001 40000"
	id := must(first.Spawn(ctx, "/bin/sh", shell(line), &crib.Options{Detached: true})).ID
	begin := make([]byte, 50000)
	must(io.ReadFull(must(first.Task(ctx, id)).Reader(1, 0), begin))
	check(first.Close())
	task := must(client.Task(ctx, id))
	must(io.WriteString(task.Stdin, "go on\n"))
	rest := text(task.Reader(1, uint64(len(begin))))
	want(string(begin)+rest == numbers(1, 40000), "there is a gap, or something twice")
	ends(task, 0)
	check(task.Forget(ctx))
}

func lost() {
	task := must(client.Spawn(ctx, "seq", []string{"100000"}, &crib.Options{
		Detached: true, Buffer: 4096, Stdin: crib.Null, Stderr: crib.Null,
	}))
	ends(task, 0)
	var gone *crib.OutputLost
	_, err := task.Stdout.Read(make([]byte, 1))
	want(errors.As(err, &gone) && gone.Offset == 0 && gone.Lost > 0, "%v", err)
	same(task.Stdout.Offset(), gone.Lost)
	want(text(task.Stdout) == numbers(1, 100000)[gone.Lost:], "not the end of it")
	check(task.Forget(ctx))
}

func twoClients() {
	other := must(crib.Dial(socket))
	var ours, theirs [4]*crib.Task
	for i := range ours {
		theirs[i], ours[i] = must(other.Spawn(ctx, "cat", nil, nil)), must(client.Spawn(ctx, "cat", nil, nil))
		must(fmt.Fprintf(theirs[i].Stdin, "theirs %d\n", i))
		must(fmt.Fprintf(ours[i].Stdin, "ours %d\n", i))
	}
	for i, task := range theirs {
		same(upTo(task.Stdout, "\n"), fmt.Sprintf("theirs %d\n", i))
	}
	check(other.Close())
	for i, task := range ours {
		must(io.WriteString(task.Stdin, "still\n"))
		check(task.Stdin.Close())
		same(text(task.Stdout), fmt.Sprintf("ours %d\nstill\n", i))
		ends(task, 0)
	}
	_, err := theirs[0].Wait(ctx)
	want(errors.Is(err, crib.ErrClosed), "%v", err)
}

var steps = map[string]func(){
	"info": info, "streams": streams, "large": large, "exec": exec, "kill": kill, "timeout": timeout,
	"setup-failed": setupFailed, "messages": messages, "denied": denied, "refused": refusedPolicy, "policy": policy,
	"unknown-method": unknownMethod, "deadline": deadline, "files": files, "given": given, "passed": passed,
	"terminal": terminal, "list": list, "reconnect": reconnect, "lost": lost, "two-clients": twoClients,
}

// names returns the steps that are ours.
func names(path string) (found []string) {
	for _, line := range strings.Split(string(must(os.ReadFile(path))), "\n") {
		only := "go"
		if strings.HasSuffix(line, ")") {
			only = line[strings.LastIndex(line, "("):]
		}
		if line != "" && line[0] != '#' && strings.Contains(only, "go") {
			found = append(found, strings.Fields(line)[0])
		}
	}
	return found
}

func run(name string) (why error) {
	defer func() {
		switch fault := recover().(type) {
		case nil:
		case failure:
			why = errors.New(string(fault))
		default:
			panic(fault)
		}
	}()
	step, ok := steps[name]
	want(ok, "there is no such step")
	step()
	return nil
}

func main() {
	socket, module = os.Args[1], os.Args[2]
	client = must(crib.Dial(socket))
	wanted, status := names(os.Args[3]), 0
	fmt.Printf("1..%d\n", len(wanted))
	for i, name := range wanted {
		if why := run(name); why != nil {
			fmt.Printf("not ok %d %s\n# %v\n", i+1, name, why)
			status = 1
			continue
		}
		fmt.Printf("ok %d %s\n", i+1, name)
	}
	client.Close()
	os.Exit(status)
}
