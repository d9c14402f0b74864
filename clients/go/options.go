// SPDX-License-Identifier: Apache-2.0

package crib

import (
	"os"
	"path/filepath"
	"sort"
	"syscall"
	"time"

	pb "crib/proto"
)

// Stdio is what a descriptor of a task is connected to; the zero value is a pipe of the daemon,
// which Task.Stdin, Stdout, Stderr and Stream write to and read from.
type Stdio struct {
	kind pb.Stdio_Kind
	file *os.File
	path string
	mode pb.Stdio_Mode
}

// Kinds of Stdio.
var (
	Pipe = Stdio{}
	Null = Stdio{kind: pb.Stdio_null} // /dev/null
	PTY  = Stdio{kind: pb.Stdio_pty}  // the task's own terminal
)

// Given is an open file of ours: no byte passes the daemon. It is borrowed for the call.
func Given(file *os.File) Stdio {
	return Stdio{kind: pb.Stdio_given, file: file}
}

// ReadFrom is a file that the daemon opens with our rights.
func ReadFrom(path string) Stdio {
	return Stdio{kind: pb.Stdio_file, path: path, mode: pb.Stdio_read}
}

// WriteTo is a file that the daemon makes or empties with our rights.
func WriteTo(path string) Stdio {
	return Stdio{kind: pb.Stdio_file, path: path, mode: pb.Stdio_write}
}

// AppendTo is a file that the daemon opens with our rights, to be written to at its end.
func AppendTo(path string) Stdio {
	return Stdio{kind: pb.Stdio_file, path: path, mode: pb.Stdio_append}
}

func (s Stdio) isStream() bool {
	return s.kind == 0 || s.kind == pb.Stdio_pipe || s.kind == pb.Stdio_pty
}

// Bind is a host path that the task sees too.
type Bind struct {
	Source string
	Target string // inside; empty: as the source
	Write  bool
}

// Tmpfs is an empty directory in memory.
type Tmpfs struct {
	Target string
	Size   uint64 // bytes; 0: 64 MiB
}

// Options of a task; nil, or the zero value, means the defaults.
type Options struct {
	Stdin, Stdout, Stderr Stdio
	Extra                 map[uint32]Stdio // further descriptors

	Policy string     // a name; empty: default
	Inline *pb.Policy // an inline policy; beats Policy
	Limits *pb.Limits // tighten the policy

	Argv0      string
	Env        []string // the whole environment, NAME=VALUE; nil: what the policy passes of ours
	EnvAdd     []string // added to it
	Dir        string   // inside the sandbox
	Binds      []Bind
	Tmpfs      []Tmpfs
	UID, GID   *int64        // host ids
	Timeout    time.Duration // wall time; then KillSignal, and SIGKILL a second later
	KillSignal syscall.Signal
	Channel    bool // with a message channel
	Rows, Cols uint32
	Detached   bool   // it outlives the connection; Client.Task finds it again
	Buffer     uint64 // bytes of each stream that the daemon keeps
	Label      string // free text for List
}

func all(texts []string) [][]byte {
	list := make([][]byte, 0, len(texts))
	for _, text := range texts {
		list = append(list, []byte(text))
	}
	return list
}

func (o *Options) stdio() map[uint32]Stdio {
	entries := map[uint32]Stdio{0: o.Stdin, 1: o.Stdout, 2: o.Stderr}
	for number, entry := range o.Extra {
		entries[number] = entry
	}
	return entries
}

// policy returns a name, or an inline policy.
func (o *Options) policy() (string, *pb.Policy) {
	inline := o.Inline
	if inline == nil {
		if o.Limits == nil {
			return o.Policy, nil
		}
		base := o.Policy
		if base == "" {
			base = "default"
		}
		inline = &pb.Policy{Extends: []string{base}}
	}
	if o.Limits != nil {
		tightened := *inline
		tightened.Limits = o.Limits
		inline = &tightened
	}
	return "", inline
}

func (o *Options) mounts() ([]*pb.Mount, error) {
	var mounts []*pb.Mount
	for _, bind := range o.Binds {
		source, err := filepath.Abs(bind.Source)
		if err != nil {
			return nil, err
		}
		mount := &pb.Mount{Type: pb.Mount_bind.Enum(), Source: []byte(source), Target: []byte(source)}
		if bind.Target != "" {
			mount.Target = []byte(bind.Target)
		}
		if bind.Write {
			mount.Write = &bind.Write
		}
		mounts = append(mounts, mount)
	}
	for _, tmpfs := range o.Tmpfs {
		mount := &pb.Mount{Type: pb.Mount_tmpfs.Enum(), Target: []byte(tmpfs.Target)}
		if size := tmpfs.Size; size != 0 {
			mount.Size_ = &size
		}
		mounts = append(mounts, mount)
	}
	return mounts, nil
}

// stdioMessages returns the entries by number, and the given files in the same order.
func stdioMessages(entries map[uint32]Stdio) (messages []*pb.Stdio, files []*os.File) {
	for number, entry := range entries {
		fd, kind := number, entry.kind
		if kind == 0 {
			kind = pb.Stdio_pipe
		}
		message := &pb.Stdio{Fd: &fd, Kind: &kind}
		if kind == pb.Stdio_file {
			mode := entry.mode
			message.Path, message.Mode = []byte(entry.path), &mode
		}
		messages = append(messages, message)
	}
	sort.Slice(messages, func(i, j int) bool { return *messages[i].Fd < *messages[j].Fd })
	for _, message := range messages {
		if file := entries[*message.Fd].file; file != nil {
			files = append(files, file)
		}
	}
	return messages, files
}

func (o *Options) task(file string, args []string) (*pb.Task, error) {
	mounts, err := o.mounts()
	if err != nil {
		return nil, err
	}
	task := &pb.Task{
		File: []byte(file), Args: all(args), Env: append(all(o.Env), all(o.EnvAdd)...), Uid: o.UID, Gid: o.GID,
		Mounts: mounts,
	}
	if o.Env != nil {
		yes := true
		task.ClearEnv = &yes
	}
	if o.Argv0 != "" {
		task.Argv0 = []byte(o.Argv0)
	}
	if o.Dir != "" {
		task.Cwd = []byte(o.Dir)
	}
	if o.Timeout > 0 {
		ms := uint64((o.Timeout + time.Millisecond - 1) / time.Millisecond)
		task.Timeout = &ms
	}
	if o.KillSignal != 0 {
		signal := uint32(o.KillSignal)
		task.KillSignal = &signal
	}
	if o.Rows != 0 || o.Cols != 0 {
		task.Terminal = &pb.Terminal{Rows: &o.Rows, Columns: &o.Cols}
	}
	return task, nil
}

// request makes the whole request, but for the names of given files.
func (o *Options) request(file string, args []string) (*pb.SpawnRequest, []*os.File, error) {
	task, err := o.task(file, args)
	if err != nil {
		return nil, nil, err
	}
	cwd, err := os.Getwd()
	if err != nil {
		return nil, nil, err
	}
	var files []*os.File
	task.Stdio, files = stdioMessages(o.stdio())
	if o.Channel { // behind all others
		fd := *task.Stdio[len(task.Stdio)-1].Fd + 1
		task.Stdio = append(task.Stdio, &pb.Stdio{Fd: &fd, Kind: pb.Stdio_channel.Enum()})
	}
	name, inline := o.policy()
	task.Policy = inline
	return &pb.SpawnRequest{
		Task: task, Policy: name, Detached: o.Detached, Cwd: []byte(cwd), Env: all(os.Environ()),
		Buffer: o.Buffer, Label: o.Label,
	}, files, nil
}
