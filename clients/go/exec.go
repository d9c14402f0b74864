// SPDX-License-Identifier: Apache-2.0

package crib

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
	"syscall"
)

// MaxBuffer is how many bytes Exec and ExecFile collect of stdout, and of stderr, where Options do
// not say.
const MaxBuffer = 1024 * 1024

// ExecOptions of Exec and ExecFile, besides those of a task; the descriptors 0 to 2 are theirs.
type ExecOptions struct {
	Options
	Input     []byte // for stdin
	MaxBuffer int    // bytes of each output; a program that says more is killed
	Shell     string // of Exec; empty: /bin/sh
}

// Collected is what Exec returns.
type Collected struct {
	Status         int // exit status; a negative signal number where a signal ended the program
	Stdout, Stderr []byte
	Result         *Result
}

// Exec runs a command line through the shell inside the sandbox, as ExecFile.
func (c *Client) Exec(ctx context.Context, line string, options *ExecOptions) (*Collected, error) {
	shell := "/bin/sh"
	if options != nil && options.Shell != "" {
		shell = options.Shell
	}
	return c.ExecFile(ctx, shell, []string{"-c", line}, options)
}

// ExecFile runs a program to its end and collects its output. A status other than 0 is no error; a
// program that never ran is one. When the context ends, so does the program.
func (c *Client) ExecFile(ctx context.Context, file string, args []string, options *ExecOptions) (*Collected, error) {
	asked := ExecOptions{}
	if options != nil {
		asked = *options
	}
	if asked.MaxBuffer == 0 {
		asked.MaxBuffer = MaxBuffer
	}
	asked.Stdin, asked.Stdout, asked.Stderr = Null, Pipe, Pipe
	if len(asked.Input) > 0 {
		asked.Stdin = Pipe
	}
	task, err := c.Spawn(ctx, file, args, &asked.Options)
	if err != nil {
		return nil, err
	}
	defer task.end()
	done, err := task.collect(ctx, asked.Input, asked.MaxBuffer)
	if err != nil {
		return nil, err
	}
	if done.Result.Err != nil {
		return nil, done.Result.Err
	}
	if done.Status = done.Result.Status; done.Result.Verdict != Exited {
		done.Status = -int(done.Result.Signal)
	}
	return done, nil
}

func (t *Task) collect(ctx context.Context, input []byte, most int) (*Collected, error) {
	var wait sync.WaitGroup
	var out, err bytes.Buffer
	var failed [2]error

	if t.Stdin != nil {
		go func() {
			t.Stdin.WriteContext(ctx, input) // it need not want all of it
			t.Stdin.Close()
		}()
	}
	for i, read := range []func() error{
		func() error { return t.Stdout.all(ctx, &out, most) },
		func() error { return t.Stderr.all(ctx, &err, most) },
	} {
		wait.Add(1)
		go func(i int, read func() error) {
			defer wait.Done()
			if failed[i] = read(); failed[i] != nil {
				t.Kill(context.Background(), syscall.SIGKILL)
			}
		}(i, read)
	}
	wait.Wait()
	for _, fault := range failed {
		if fault != nil {
			return nil, fault
		}
	}
	result, _, fault := t.wait(ctx)
	return &Collected{Stdout: out.Bytes(), Stderr: err.Bytes(), Result: result}, fault
}

// all reads to the end.
func (r *Reader) all(ctx context.Context, to *bytes.Buffer, most int) error {
	part := make([]byte, 64*1024)
	for {
		n, err := r.ReadContext(ctx, part)
		to.Write(part[:n])
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if to.Len() > most {
			return &Error{
				Text: fmt.Sprintf("more than %d bytes of output", most), Errno: int(syscall.ENOBUFS), Step: "output",
				Index: -1,
			}
		}
	}
}

// end: whatever came, the task is over, and the daemon need not remember it.
func (t *Task) end() {
	ctx := context.Background()
	if t.Forget(ctx) == nil {
		return
	}
	if t.Kill(ctx, syscall.SIGKILL) == nil {
		t.wait(ctx)
	}
	t.Forget(ctx)
}
