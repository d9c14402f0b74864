// SPDX-License-Identifier: Apache-2.0

package crib

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"syscall"

	pb "crib/proto"
)

const hourMS = 3600000

// Task is a program in its sandbox. All methods may be called from any goroutine.
type Task struct {
	ID  uint64
	Pid uint32 // of the sandbox's first process, in the daemon's pid namespace; 0: see Inspect

	Stdin  *Writer // nil where fd 0 is no pipe
	Stdout *Reader // nil where fd 1 is no pipe
	Stderr *Reader

	client   *Client
	readers  map[uint32]*Reader
	watch    sync.Once
	sending  sync.Mutex
	sent     uint64
	taking   sync.Mutex
	received uint64
}

func newTask(client *Client, id uint64, pid uint32, streams map[uint32]uint64) *Task {
	task := &Task{ID: id, Pid: pid, client: client, readers: map[uint32]*Reader{}}
	for number, offset := range streams {
		if number > 0 {
			task.readers[number] = task.Reader(number, offset)
		}
	}
	if offset, ok := streams[0]; ok {
		task.Stdin = &Writer{api: client.api, task: id, offset: offset}
	}
	task.Stdout, task.Stderr = task.readers[1], task.readers[2]
	return task
}

// Stream reads another piped descriptor; nil where there is none.
func (t *Task) Stream(number uint32) *Reader {
	return t.readers[number]
}

// Reader makes another reader of a stream, from an offset on. Asking for an offset lets the daemon
// forget all before it, except of a detached task, which keeps its last bytes: there one can go back.
func (t *Task) Reader(number uint32, offset uint64) *Reader {
	return &Reader{api: t.client.api, task: t.ID, stream: number, offset: offset}
}

// Wait waits until the program has ended. A task whose output nobody reads waits for that.
func (t *Task) Wait(ctx context.Context) (*Result, error) {
	result, state, err := t.wait(ctx)
	if err == nil && state != pb.TaskState_ENDED {
		t.watch.Do(t.watchEnd)
	}
	return result, err
}

func (t *Task) wait(ctx context.Context) (*Result, pb.TaskState, error) {
	request := &pb.WaitRequest{Task: t.ID, Until: pb.TaskState_ENDING, Wait: waitMS}
	for {
		answer, err := t.client.api.Wait(ctx, request)
		if err != nil {
			return nil, 0, explain(err)
		}
		if answer.State >= pb.TaskState_ENDING {
			return resultOf(answer.Result), answer.State, nil
		}
		if n := len(answer.Events); n > 0 {
			request.After = answer.Events[n-1].Number
		}
	}
}

// A task counts against the quota until its client was told that nothing of it is left.
func (t *Task) watchEnd() {
	go t.client.api.Wait(context.Background(), &pb.WaitRequest{Task: t.ID, Until: pb.TaskState_ENDED, Wait: hourMS})
}

// Events tells of everything that happens to the task, from its beginning to its end, to a function;
// an error of that ends it.
func (t *Task) Events(ctx context.Context, tell func(Event) error) error {
	request := &pb.WaitRequest{Task: t.ID, Wait: waitMS}
	for {
		answer, err := t.client.api.Wait(ctx, request)
		if err != nil {
			return explain(err)
		}
		if answer.Lost > 0 {
			if err := tell(Event{Number: request.After + 1, Lost: answer.Lost}); err != nil {
				return err
			}
		}
		for _, event := range answer.Events {
			if err := tell(eventOf(event)); err != nil {
				return err
			}
			request.After = event.Number
		}
		if answer.State == pb.TaskState_ENDED && len(answer.Events) == 0 {
			return nil
		}
	}
}

// Kill sends a signal. SIGKILL ends everything that the task has started, too.
func (t *Task) Kill(ctx context.Context, signal syscall.Signal) error {
	_, err := t.client.api.Kill(ctx, &pb.KillRequest{Task: t.ID, Signal: uint32(signal)})
	return explain(err)
}

// Abort sends the task's KillSignal, and SIGKILL a second later.
func (t *Task) Abort(ctx context.Context) error {
	_, err := t.client.api.Kill(ctx, &pb.KillRequest{Task: t.ID, Abort: true})
	return explain(err)
}

// Resize sets the size of its terminal.
func (t *Task) Resize(ctx context.Context, rows, columns uint32) error {
	_, err := t.client.api.Resize(ctx, &pb.ResizeRequest{Task: t.ID, Rows: rows, Columns: columns})
	return explain(err)
}

// Terminal returns the master of its terminal, the caller's. Streams of it are over then.
func (t *Task) Terminal() (*os.File, error) {
	files, err := t.client.take(&pb.FdTake{Task: t.ID, What: pb.FdTake_PTY})
	if err != nil {
		return nil, err
	}
	if len(files) != 1 {
		closeAll(files)
		return nil, io.ErrUnexpectedEOF
	}
	return files[0], nil
}

// Inspect tells all that the daemon knows of it: state, streams, counters.
func (t *Task) Inspect(ctx context.Context) (*pb.InspectResponse, error) {
	answer, err := t.client.api.Inspect(ctx, &pb.InspectRequest{Task: t.ID})
	return answer, explain(err)
}

// Forget lets the daemon forget it. It must have ended. Tasks are also forgotten with the connection,
// detached ones some time after their end.
func (t *Task) Forget(ctx context.Context) error {
	_, err := t.client.api.Forget(ctx, &pb.ForgetRequest{Task: t.ID})
	return explain(err)
}

// Send sends a message to a forked task. Its files are borrowed.
func (t *Task) Send(ctx context.Context, message Message) error {
	names, err := t.client.register(message.Files)
	if err != nil {
		return err
	}
	defer t.client.release(names)
	t.sending.Lock()
	defer t.sending.Unlock()
	request := &pb.SendRequest{Task: t.ID, Message: t.sent + 1, Type: message.Type, Wait: waitMS}
	for !request.Last {
		offset := int(request.Offset)
		request.Data = message.Data[offset:min(len(message.Data), offset+chunk)]
		if request.Last = offset+len(request.Data) == len(message.Data); request.Last {
			request.Fds = names
		}
		if err := t.send(ctx, request); err != nil {
			return err
		}
		request.Offset += uint64(len(request.Data))
		request.Type = ""
	}
	t.sent++
	return nil
}

// Disconnect ends the channel, after all that was sent.
func (t *Task) Disconnect(ctx context.Context) error {
	t.sending.Lock()
	defer t.sending.Unlock()
	return t.send(ctx, &pb.SendRequest{Task: t.ID, Message: t.sent + 1, Disconnect: true, Wait: waitMS})
}

// send waits as long as the task does not read.
func (t *Task) send(ctx context.Context, request *pb.SendRequest) error {
	for {
		_, err := t.client.api.Send(ctx, request)
		if err = explain(err); !errors.Is(err, syscall.EAGAIN) {
			return err
		}
	}
}

// Receive waits for the next message; io.EOF when the channel has ended. A Receive that the context
// ended loses nothing.
func (t *Task) Receive(ctx context.Context) (*Message, error) {
	t.taking.Lock()
	defer t.taking.Unlock()
	message := &Message{}
	request := &pb.ReceiveRequest{Task: t.ID, Message: t.received + 1, Wait: waitMS}
	for {
		answer, err := t.client.api.Receive(ctx, request)
		if err != nil {
			return nil, explain(err)
		}
		if answer.Message == 0 {
			if answer.End {
				return nil, io.EOF
			}
			continue
		}
		message.Data = append(message.Data, answer.Data...)
		request.Offset = uint64(len(message.Data))
		if answer.Last {
			return t.whole(message, answer)
		}
	}
}

func (t *Task) whole(message *Message, answer *pb.ReceiveResponse) (_ *Message, err error) {
	message.Type = answer.Type
	if answer.Fds > 0 {
		message.Files, err = t.client.take(&pb.FdTake{Task: t.ID, What: pb.FdTake_MESSAGE, Message: answer.Message})
		if err != nil {
			return nil, err
		}
	}
	t.received++
	return message, nil
}
