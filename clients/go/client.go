// SPDX-License-Identifier: Apache-2.0

// Package crib is a client of cribd: it runs programs in sandboxes, over a Unix socket.
//
//	client, err := crib.Dial("/run/crib.sock")
//	…
//	done, err := client.Exec(ctx, "uptime", nil)
//	fmt.Print(string(done.Stdout))
package crib

import (
	"context"
	"net"
	"os"
	"strings"
	"sync"

	"github.com/containerd/ttrpc"

	pb "crib/proto"
)

// Client is a connection to cribd, for any number of tasks and goroutines. Tasks end with the
// connection that started them, detached ones aside.
type Client struct {
	path string
	rpc  *ttrpc.Client
	api  pb.ExecutorService
	mu   sync.Mutex
	fds  *fdSide
}

// Dial connects. path: of the daemon's socket, also as unix:PATH; empty: $CRIB_SOCKET, or /run/crib.sock.
func Dial(path string) (*Client, error) {
	for _, other := range []string{os.Getenv("CRIB_SOCKET"), "/run/crib.sock"} {
		if path == "" {
			path = other
		}
	}
	path = strings.TrimPrefix(path, "unix:")
	conn, err := net.Dial("unix", path)
	if err != nil {
		return nil, err
	}
	rpc := ttrpc.NewClient(conn)
	return &Client{path: path, rpc: rpc, api: pb.NewExecutorClient(rpc)}, nil
}

// Close closes the connection: its tasks are killed, detached ones aside.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fds != nil {
		c.fds.conn.Close()
	}
	return c.rpc.Close()
}

// API gives the service itself, with every method of executor.proto but Attach.
func (c *Client) API() pb.ExecutorService {
	return c.api
}

// Call calls any method of any service of the daemon.
func (c *Client) Call(ctx context.Context, service, method string, request, response interface{}) error {
	return explain(c.rpc.Call(ctx, service, method, request, response))
}

// Info tells about the daemon and what we may do.
func (c *Client) Info(ctx context.Context) (*pb.InfoResponse, error) {
	answer, err := c.api.Info(ctx, &pb.InfoRequest{})
	return answer, explain(err)
}

// Spawn starts a program: a path with a slash, or a name searched in PATH inside the sandbox. args
// are those without argv[0].
//
// What fails in the sandbox later makes a Result with the verdict SetupFailed.
func (c *Client) Spawn(ctx context.Context, file string, args []string, options *Options) (*Task, error) {
	if options == nil {
		options = &Options{}
	}
	request, files, err := options.request(file, args)
	if err != nil {
		return nil, err
	}
	names, err := c.register(files)
	if err != nil {
		return nil, err
	}
	defer c.release(names)
	next := 0
	for _, entry := range request.Task.Stdio {
		if *entry.Kind == pb.Stdio_given {
			entry.Name = &names[next]
			next++
		}
	}
	answer, err := c.api.Spawn(ctx, request)
	if err != nil {
		return nil, explain(err)
	}
	streams := map[uint32]uint64{}
	for number, entry := range options.stdio() {
		if entry.isStream() {
			streams[number] = 0
		}
	}
	return newTask(c, answer.Task, answer.Pid, streams), nil
}

// Fork starts a program that uses crib/child.h, with a message channel. Without options its stdin,
// stdout and stderr are /dev/null.
func (c *Client) Fork(ctx context.Context, file string, args []string, options *Options) (*Task, error) {
	forked := Options{Stdin: Null, Stdout: Null, Stderr: Null}
	if options != nil {
		forked = *options
	}
	forked.Channel = true
	return c.Spawn(ctx, file, args, &forked)
}

// Task finds a task by its number: a detached one after a new connection. Its streams begin at the
// oldest byte that is kept; Task.Reader goes on from another.
func (c *Client) Task(ctx context.Context, id uint64) (*Task, error) {
	found, err := c.api.Inspect(ctx, &pb.InspectRequest{Task: id})
	if err != nil {
		return nil, explain(err)
	}
	streams := map[uint32]uint64{0: found.Written}
	for _, stream := range found.Streams {
		streams[stream.Stream] = stream.First
	}
	task := newTask(c, id, found.Info.Pid, streams)
	task.sent, task.received = found.MessagesSent, found.MessagesReceived
	return task, nil
}

// List tells of all our tasks.
func (c *Client) List(ctx context.Context) ([]*pb.TaskInfo, error) {
	var tasks []*pb.TaskInfo
	request := &pb.ListRequest{}
	for {
		answer, err := c.api.List(ctx, request)
		if err != nil {
			return nil, explain(err)
		}
		tasks = append(tasks, answer.Tasks...)
		if !answer.More || len(answer.Tasks) == 0 {
			return tasks, nil
		}
		request.After = answer.Tasks[len(answer.Tasks)-1].Task
	}
}

// PolicyCheck tells whether we may use a policy, by name or, where policy is not nil, an inline one.
// It returns the effective policy.
func (c *Client) PolicyCheck(ctx context.Context, name string, policy *pb.Policy) (*pb.Policy, error) {
	answer, err := c.api.PolicyCheck(ctx, &pb.PolicyCheckRequest{Name: name, Policy: policy})
	if err != nil {
		return nil, explain(err)
	}
	if !answer.Ok {
		return nil, errorOf(answer.Error, 0)
	}
	return answer.Effective, nil
}

// Plan tells what Spawn would do, as YAML of plan.proto. Open files are left out.
func (c *Client) Plan(ctx context.Context, file string, args []string, options *Options) (string, error) {
	if options == nil {
		options = &Options{}
	}
	request, _, err := options.request(file, args)
	if err != nil {
		return "", err
	}
	answer, err := c.api.Plan(ctx, &pb.PlanRequest{Spawn: request})
	if err != nil {
		return "", explain(err)
	}
	return answer.Plan, nil
}

func (c *Client) fdSide() (*fdSide, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fds == nil {
		side, err := dialFdSide(c.path)
		if err != nil {
			return nil, err
		}
		c.fds = side
	}
	return c.fds, nil
}

func (c *Client) register(files []*os.File) ([]string, error) {
	if len(files) == 0 {
		return nil, nil
	}
	side, err := c.fdSide()
	if err != nil {
		return nil, err
	}
	return side.register(files)
}

func (c *Client) release(names []string) {
	if len(names) == 0 {
		return
	}
	if side, err := c.fdSide(); err == nil {
		side.release(names) // where that fails, the connection is gone, and so are the names
	}
}

func (c *Client) take(take *pb.FdTake) ([]*os.File, error) {
	side, err := c.fdSide()
	if err != nil {
		return nil, err
	}
	return side.take(take)
}
