// SPDX-License-Identifier: Apache-2.0

package crib

import (
	"os"
	"syscall"
	"time"

	pb "crib/proto"
)

// Verdict is what ended a task.
type Verdict string

// The verdicts.
const (
	Exited      Verdict = "exited"       // Status
	Signaled    Verdict = "signaled"     // Signal
	WallTimeout Verdict = "wall_timeout" // Options.Timeout was reached
	Output      Verdict = "output"       // more output than was to be collected, or a limit on it
	Filter      Verdict = "filter"       // a kill rule of the policy
	SetupFailed Verdict = "setup_failed" // the program never ran: Err
	Killed      Verdict = "killed"       // on the caller's word
	CPUTimeout  Verdict = "cpu_timeout"  // the policy's limit on processor time was reached
	Memory      Verdict = "memory"       // a process of it was killed for want of memory
	Pids        Verdict = "pids"         // the policy's limit on processes was reached
)

// Result is how a task ended.
type Result struct {
	Verdict     Verdict
	Status      int            // -1 where there is none
	Signal      syscall.Signal // 0 where none ended it
	Err         *Error         // why the program never ran
	UserTime    time.Duration
	SystemTime  time.Duration
	WallTime    time.Duration
	PeakMemory  uint64 // bytes, of the whole tree; where there are no cgroups, of the largest process
	PeakPids    uint64 // processes and threads at once; 0: not known
	Limit       string // that was reached: "memory", "cpu_time"; "timeout" is Options.Timeout, "host" its memory
	Call        string // that a kill rule of the policy was met by
	Receipt     []Receipt
	Denials     []Denial
	DenialsLost uint64
}

// Receipt is one thing that the sandbox does, as asked and as it came about.
type Receipt struct {
	Mechanism, Asked, Applied string
}

// Denial is a call that the filter refused.
type Denial struct {
	Call   string // "socket"
	Text   string // "socket(domain=AF_INET, type=SOCK_STREAM, protocol=IPPROTO_IP)"
	Answer string // "EPERM"
	Pid    uint32 // inside the sandbox
	Count  uint64 // so many in a row
}

// Event is something that happened to a task. One of its fields is set.
type Event struct {
	Number       uint64
	Started      bool
	Denied       *Denial
	Err          *Error
	Exit         *Result
	Disconnected bool
	Lost         uint64 // so many events before the next one are no longer kept
}

// Message is a message to or from a forked task. The files of a received one are the receiver's.
type Message struct {
	Type  string
	Data  []byte
	Files []*os.File
}

func denialOf(m *pb.Denial) Denial {
	return Denial{
		Call: value(m.Call), Text: value(m.Text), Answer: value(m.Answer), Pid: value(m.Pid), Count: value(m.Count),
	}
}

func microseconds(us *uint64) time.Duration {
	return time.Duration(value(us)) * time.Microsecond
}

func resultOf(m *pb.Result) *Result {
	if m == nil {
		m = &pb.Result{}
	}
	r := &Result{
		Verdict: Verdict(value(m.Verdict).String()), Status: -1, Signal: syscall.Signal(value(m.Signal)),
		Err: errorOf(m.Error, 0), DenialsLost: value(m.DenialsLost), Limit: value(m.Limit), Call: value(m.Call),
	}
	if r.Verdict == Exited {
		r.Status = int(value(m.Status))
	}
	if m.Usage != nil {
		r.UserTime, r.SystemTime = microseconds(m.Usage.UserTime), microseconds(m.Usage.SystemTime)
		r.WallTime, r.PeakMemory = microseconds(m.Usage.WallTime), value(m.Usage.PeakMemory)
		r.PeakPids = value(m.Usage.PeakPids)
	}
	for _, receipt := range m.Receipt {
		r.Receipt = append(r.Receipt, Receipt{value(receipt.Mechanism), value(receipt.Asked), value(receipt.Applied)})
	}
	for _, denial := range m.Denials {
		r.Denials = append(r.Denials, denialOf(denial))
	}
	return r
}

func eventOf(m *pb.TaskEvent) Event {
	event := Event{Number: m.Number}
	switch e := m.Event; {
	case e == nil:
	case e.Denied != nil:
		denial := denialOf(e.Denied)
		event.Denied = &denial
	case e.Error != nil:
		event.Err = errorOf(e.Error, 0)
	case e.Result != nil:
		event.Exit = resultOf(e.Result)
	default:
		event.Started, event.Disconnected = value(e.Started), value(e.Disconnected)
	}
	return event
}
