package command_test

import (
	"bytes"
	"strings"
	"sync"
)

// syncBuffer is a log that tells when the server says that it serves.
type syncBuffer struct {
	mu   sync.Mutex
	b    bytes.Buffer
	said func()
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := s.b.Write(p)
	if strings.Contains(string(p), `"serving"`) {
		s.said()
	}
	return n, err
}

func (s *syncBuffer) String() string { s.mu.Lock(); defer s.mu.Unlock(); return s.b.String() }
