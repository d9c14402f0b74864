// SPDX-License-Identifier: Apache-2.0

package crib

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/containerd/ttrpc"
	"github.com/gogo/protobuf/proto"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "crib/proto"
)

// Error is a call that failed, or why a program never ran.
//
// errors.Is finds the errno in it, as in errors.Is(err, syscall.ENOENT).
type Error struct {
	Text    string     // the sentence a person reads
	Errno   int        // 0 where there is none
	Step    string     // the mechanism or step that failed: "mounts", "exec"
	Status  codes.Code // of gRPC; OK in the result of a task
	Subject string     // a part of the text, as Detail
	Detail  string
	Index   int // position in a list of the policy or task; -1
}

func (e *Error) Error() string {
	return e.Text
}

// Is tells whether e stands for a syscall.Errno, or for the deadline of a context.
func (e *Error) Is(target error) bool {
	if errno, ok := target.(syscall.Errno); ok {
		return e.Errno != 0 && int(errno) == e.Errno
	}
	return target == context.DeadlineExceeded && e.Status == codes.DeadlineExceeded
}

// OutputLost tells that bytes of a stream are gone: nobody read them in time. Reading can go on
// behind them.
type OutputLost struct {
	Offset uint64 // of the first byte that is gone
	Lost   uint64 // how many are
}

func (e *OutputLost) Error() string {
	return fmt.Sprintf("%d bytes of output from %d on are lost", e.Lost, e.Offset)
}

// ErrClosed is returned when the daemon is gone, or the connection was closed.
var ErrClosed = ttrpc.ErrClosed

func value[T any](p *T) T {
	if p == nil {
		var none T
		return none
	}
	return *p
}

func errorOf(message *pb.Error, code codes.Code) *Error {
	if message == nil {
		return nil
	}
	e := &Error{
		Text: value(message.Text), Errno: int(-value(message.Code)), Step: value(message.Step),
		Status: code, Subject: value(message.Subject), Detail: value(message.Detail), Index: -1,
	}
	if message.Index != nil {
		e.Index = int(*message.Index)
	}
	return e
}

// explain makes an *Error of what a call returned, where it is an answer of the daemon.
func explain(err error) error {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, ErrClosed) {
		return err
	}
	answer, ok := status.FromError(err)
	if !ok {
		return err
	}
	for _, detail := range answer.Proto().GetDetails() {
		message := &pb.Error{}
		if strings.HasSuffix(detail.GetTypeUrl(), "/crib.Error") && proto.Unmarshal(detail.GetValue(), message) == nil {
			return errorOf(message, answer.Code())
		}
	}
	return &Error{Text: answer.Message(), Status: answer.Code(), Index: -1}
}

func hasStatus(err error, wanted ...codes.Code) bool {
	var answer *Error
	if !errors.As(err, &answer) {
		return false
	}
	for _, code := range wanted {
		if answer.Status == code {
			return true
		}
	}
	return false
}
