package rpc

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// ServerConfig is what a Server needs.
type ServerConfig struct {
	// Listen is host:port; port 0 takes a free one.
	Listen string
	// CertFile and KeyFile switch TLS on; both or neither.
	CertFile, KeyFile string
	Handler           http.Handler
	Log               *slog.Logger
	// Streams are the paths whose answer has no end; they get no deadline for writing.
	Streams func(path string) bool
	// Strangers is how long the body of a caller that has not signed in may take; 30 s by default. The Border
	// lifts it for who has.
	Strangers time.Duration
	// Calls is how long a call that ends may take until its answer is taken; 10 minutes by default.
	Calls time.Duration
}

// Times that a connection may take. A phone on one bar of signal needs minutes for a page of deltas, so the
// limits on a whole request are wide; those on headers, idleness and strangers are not.
const (
	headerTimeout = 15 * time.Second
	// strangerTimeout is for a body of a few hundred bytes (a code, a password, a booking): 60 KB at 2 KB/s.
	strangerTimeout = 30 * time.Second
	readTimeout     = 5 * time.Minute
	writeTimeout    = 10 * time.Minute
	idleTimeout     = 5 * time.Minute
	stalledWrite    = 90 * time.Second
	// keepAliveIdle is long, for each probe wakes a phone's radio; watch streams have heartbeats of their own.
	keepAliveIdle = 4 * time.Minute
	maxHeader     = 64 << 10
	maxStreams    = 256
)

// Server speaks HTTP/1.1, HTTP/2 over TLS and HTTP/2 in the clear on one port.
type Server struct {
	http     *http.Server
	listener net.Listener
	tls      bool
	serve    sync.WaitGroup
	failed   chan error

	mu               sync.Mutex
	started, stopped bool
}

// NewServer takes the port; Start begins to answer. A port in use is PortBusy.
func NewServer(ctx context.Context, c ServerConfig) (*Server, error) {
	s := &Server{failed: make(chan error, 1)}
	if c.Strangers == 0 {
		c.Strangers = strangerTimeout
	}
	if c.Calls == 0 {
		c.Calls = writeTimeout
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	s.http = &http.Server{
		Handler:           deadlines(c.Handler, c.Streams, c.Strangers, c.Calls),
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		Protocols:         protocols,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: maxStreams, WriteByteTimeout: stalledWrite},
		ErrorLog:          slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug),
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		return nil, fault.New(fault.ConfigInvalid, "a TLS certificate needs its key file, and the key its certificate")
	}
	if c.CertFile != "" {
		cert, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, fault.Wrap(err, fault.ConfigInvalid, "TLS certificate %s: %v", c.CertFile, err)
		}
		s.tls = true
		s.http.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	}
	l, err := listen(ctx, c.Listen)
	if err != nil {
		return nil, err
	}
	s.listener = l
	return s, nil
}

// Free tells whether a server could listen there now; PortBusy or ConfigInvalid say why not.
func Free(ctx context.Context, address string) error {
	l, err := listen(ctx, address)
	if err != nil {
		return err
	}
	return l.Close()
}

func listen(ctx context.Context, address string) (net.Listener, error) {
	lc := net.ListenConfig{KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: keepAliveIdle, Interval: time.Minute,
		Count: 3,
	}}
	l, err := lc.Listen(ctx, "tcp", address)
	switch {
	case err != nil && busy(err):
		return nil, fault.Wrap(err, PortBusy, "%s", address)
	case err != nil:
		return nil, fault.Wrap(err, fault.ConfigInvalid, "cannot listen on %s: %v", address, err)
	}
	return l, nil
}

// Start answers requests until Stop. A server that was stopped is http.ErrServerClosed; make another.
func (s *Server) Start(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return http.ErrServerClosed
	}
	if s.started {
		return nil
	}
	s.started = true
	s.serve.Go(func() {
		var err error
		if s.tls {
			err = s.http.ServeTLS(s.listener, "", "")
		} else {
			err = s.http.Serve(s.listener)
		}
		if !errors.Is(err, http.ErrServerClosed) {
			s.failed <- err
		}
	})
	return nil
}

// Failed yields the error that ended the server against its will.
func (s *Server) Failed() <-chan error { return s.failed }

// URL is the server's own address, with 127.0.0.1 where it listens on all.
func (s *Server) URL() string {
	scheme := "http://"
	if s.tls {
		scheme = "https://"
	}
	host, port, err := net.SplitHostPort(s.listener.Addr().String())
	if err != nil {
		return scheme + s.listener.Addr().String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return scheme + net.JoinHostPort(host, port)
}

// Stop takes no more connections, waits for calls in flight until ctx ends, then cuts what is left. Streams must have
// been told to end before. A server that was never started gives its port back.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return nil
	}
	s.stopped = true
	err := s.http.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.http.Close())
	}
	// A server that was never started still holds its port.
	if cerr := s.listener.Close(); cerr != nil && !errors.Is(cerr, net.ErrClosed) {
		err = errors.Join(err, cerr)
	}
	s.serve.Wait()
	return err
}

// deadlines bounds each request's reading and writing, anew for each request on a connection. A body is first read
// with the patience for strangers; see patience.
func deadlines(next http.Handler, stream func(string) bool, strangers, calls time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		now := time.Now() // deadlines are the kernel's clock, whatever clock the rooms run on
		endless := stream != nil && stream(r.URL.Path)
		read, write := now.Add(readTimeout), now.Add(calls)
		if endless {
			read, write = time.Time{}, time.Time{}
		}
		// Without a body there is nothing to wait for, and over HTTP/1.1 a deadline would end the call itself, for
		// the server reads ahead to notice a caller that hangs up.
		if r.Body != nil && r.Body != http.NoBody {
			read = now.Add(strangers)
		}
		// A connection without deadlines (a test's recorder) is served without.
		_ = rc.SetReadDeadline(read)
		_ = rc.SetWriteDeadline(write)
		next.ServeHTTP(w, r)
	})
}

// patience gives a caller that has signed in the time that a phone on one bar of signal needs for its body; a stream
// has no end.
func patience(rc *http.ResponseController, stream bool) {
	var until time.Time
	if !stream {
		until = time.Now().Add(readTimeout)
	}
	_ = rc.SetReadDeadline(until) // as in deadlines
}

// wsaAddrInUse is what Windows says instead of EADDRINUSE.
const wsaAddrInUse = syscall.Errno(10048)

func busy(err error) bool { return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, wsaAddrInUse) }
