// SPDX-License-Identifier: Apache-2.0

package crib

import (
	"context"
	"io"
	"os"
	"sync"

	"google.golang.org/grpc/codes"

	pb "crib/proto"
)

const (
	chunk  = 1024 * 1024 // bytes of one call
	waitMS = 30000       // a call that waits, waits so long at most, and is repeated
)

// Reader reads a stream of a task; who does not read makes the task wait. An *OutputLost tells that
// bytes are gone; the next Read goes on behind them.
type Reader struct {
	mu     sync.Mutex
	api    pb.ExecutorService
	task   uint64
	stream uint32
	offset uint64
}

// Offset is that of the next byte to be read.
func (r *Reader) Offset() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.offset
}

// Read is io.Reader's.
func (r *Reader) Read(p []byte) (int, error) {
	return r.ReadContext(context.Background(), p)
}

// ReadContext is Read, given up when the context ends. Nothing is lost then.
func (r *Reader) ReadContext(ctx context.Context, p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	request := &pb.ReadRequest{Task: r.task, Stream: r.stream, Max: uint32(min(len(p), chunk)), Wait: waitMS}
	for len(p) > 0 {
		request.Offset = r.offset
		answer, err := r.api.Read(ctx, request)
		if err != nil {
			return 0, explain(err)
		}
		if answer.Lost > 0 {
			lost := &OutputLost{Offset: r.offset, Lost: answer.Lost}
			r.offset += answer.Lost
			return 0, lost
		}
		if n := copy(p, answer.Data); n > 0 {
			r.offset = answer.Offset + uint64(n)
			return n, nil
		}
		if answer.End {
			return 0, io.EOF
		}
	}
	return 0, nil
}

// Writer writes to a task's stdin; Close is the end of the input.
type Writer struct {
	mu     sync.Mutex
	api    pb.ExecutorService
	task   uint64
	offset uint64
	closed bool
}

// Offset is that of the next byte to be written.
func (w *Writer) Offset() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.offset
}

// Write is io.Writer's: it returns when all of p is taken. An input that the task has closed is EPIPE.
func (w *Writer) Write(p []byte) (int, error) {
	return w.WriteContext(context.Background(), p)
}

// WriteContext is Write, given up when the context ends; then some of p may have been taken.
func (w *Writer) WriteContext(ctx context.Context, p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return 0, os.ErrClosed
	}
	begin := w.offset
	for {
		done := int(w.offset - begin)
		if done >= len(p) {
			return len(p), nil
		}
		part := p[done:min(len(p), done+chunk)]
		answer, err := w.api.Write(ctx, &pb.WriteRequest{Task: w.task, Offset: w.offset, Data: part, Wait: waitMS})
		if err != nil {
			return done, explain(err)
		}
		w.offset = answer.Offset
	}
}

// Close ends the input. A task that has ended before it is no error.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return os.ErrClosed
	}
	w.closed = true
	_, err := w.api.CloseStdin(context.Background(), &pb.CloseStdinRequest{Task: w.task, Offset: w.offset})
	if err = explain(err); hasStatus(err, codes.FailedPrecondition, codes.NotFound) {
		return nil
	}
	return err
}

func min(a, b int) int {
	if a < b {
		return a
	}
	return b
}
