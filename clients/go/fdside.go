// SPDX-License-Identifier: Apache-2.0

package crib

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"syscall"

	"github.com/gogo/protobuf/proto"
	"google.golang.org/grpc/codes"

	pb "crib/proto"
)

const (
	fdSideFirst    = 0xfd
	fdSideMaxFrame = 1024 * 1024
	fdSideMaxFiles = 64
)

// fdSide is a second connection to the daemon, over which descriptors travel. Its first byte is 0xFD.
// Then frames of channel.proto go both ways, u32 big-endian length and a Frame; descriptors are
// attached to a frame's first byte. Each request is answered, in order, by one FdReply. What is
// registered lives until it is released or the connection is closed.
type fdSide struct {
	mu     sync.Mutex
	conn   *net.UnixConn
	prefix string
	named  int
}

func dialFdSide(path string) (*fdSide, error) {
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	random := make([]byte, 6)
	if _, err = rand.Read(random); err == nil {
		_, err = conn.Write([]byte{fdSideFirst})
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &fdSide{conn: conn, prefix: fmt.Sprintf("go-%d-%s", os.Getpid(), hex.EncodeToString(random))}, nil
}

func (s *fdSide) register(files []*os.File) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := make([]string, len(files))
	for i := range names {
		names[i] = fmt.Sprintf("%s-%d", s.prefix, s.named)
		s.named++
	}
	_, err := s.ask("FdRegister", &pb.FdRegister{Names: names}, files)
	return names, err
}

func (s *fdSide) release(names []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.ask("FdRelease", &pb.FdRelease{Names: names}, nil)
	return err
}

func (s *fdSide) take(take *pb.FdTake) ([]*os.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ask("FdTake", take, nil)
}

func (s *fdSide) ask(name string, request proto.Message, files []*os.File) ([]*os.File, error) {
	payload, err := proto.Marshal(request)
	if err != nil {
		return nil, err
	}
	frame := &pb.Frame{Type: &name, Payload: payload}
	if count := uint32(len(files)); count > 0 {
		frame.Fds = &count
	}
	if err = s.send(frame, files); err != nil {
		return nil, err
	}
	return s.answer()
}

func (s *fdSide) send(frame *pb.Frame, files []*os.File) error {
	body, err := proto.Marshal(frame)
	if err != nil {
		return err
	}
	data := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	data = append(data, body...)
	if len(files) > 0 {
		fds := make([]int, len(files))
		for i, file := range files {
			fds[i] = int(file.Fd())
		}
		n, _, err := s.conn.WriteMsgUnix(data, syscall.UnixRights(fds...), nil)
		if err != nil {
			return err
		}
		data = data[n:]
	}
	_, err = s.conn.Write(data)
	return err
}

func closeAll(files []*os.File) {
	for _, file := range files {
		file.Close()
	}
}

func (s *fdSide) answer() ([]*os.File, error) {
	reply := &pb.FdReply{}
	files, err := s.receive(reply)
	if err == nil && reply.Code != 0 {
		err = &Error{Text: reply.Message, Status: codes.Code(reply.Code), Index: -1}
	}
	if err != nil {
		closeAll(files)
		return nil, err
	}
	return files, nil
}

func (s *fdSide) receive(reply *pb.FdReply) (files []*os.File, err error) {
	length := make([]byte, 4)
	if files, err = s.fill(length, files); err != nil {
		return files, err
	}
	size := binary.BigEndian.Uint32(length)
	if size > fdSideMaxFrame {
		return files, fmt.Errorf("the fd side sent a frame of %d bytes", size)
	}
	body := make([]byte, size)
	if files, err = s.fill(body, files); err != nil {
		return files, err
	}
	frame := &pb.Frame{}
	if err = proto.Unmarshal(body, frame); err != nil {
		return files, err
	}
	return files, proto.Unmarshal(frame.Payload, reply)
}

// fill reads len(data) bytes, and adds the files that come with them.
func (s *fdSide) fill(data []byte, files []*os.File) ([]*os.File, error) {
	control := make([]byte, syscall.CmsgSpace(4*fdSideMaxFiles))
	for len(data) > 0 {
		n, m, _, _, err := s.conn.ReadMsgUnix(data, control)
		files = append(files, filesOf(control[:m])...)
		if err == nil && n == 0 {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return files, err
		}
		data = data[n:]
	}
	return files, nil
}

func filesOf(control []byte) (files []*os.File) {
	messages, err := syscall.ParseSocketControlMessage(control)
	if err != nil {
		return nil
	}
	for i := range messages {
		fds, err := syscall.ParseUnixRights(&messages[i])
		if errors.Is(err, syscall.EINVAL) {
			continue
		}
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "received"))
		}
	}
	return files
}
