package rpc_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/doorstep-dev/doorstep/proto/doorstep/account/v1/accountv1connect"
	"github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1/syncv1connect"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/rpc"
)

// dripping is a caller whose body of 100 bytes has only begun.
type dripping struct {
	net.Conn
	t *testing.T
}

func drip(t *testing.T, s *rpc.Server, procedure, token string) dripping {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	kind := "application/json"
	if procedure == syncv1connect.SyncServiceWatchProcedure {
		kind = "application/connect+json"
	}
	if _, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: 100\r\n%s\r\n{",
		procedure, kind, token); err != nil {
		t.Fatal(err)
	}
	return dripping{Conn: conn, t: t}
}

// answer is the status that comes back, once the connection is closed by the server or the answer is whole.
func (d dripping) answer(closed bool) int {
	d.t.Helper()
	defer d.Close()
	in := bufio.NewReader(d)
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		d.t.Fatal(err)
	}
	if closed {
		if _, err := in.ReadByte(); err != io.EOF {
			d.t.Errorf("the connection is still open: %v", err)
		}
	}
	return res.StatusCode
}

// entering tells when a token has been looked at.
type entering struct {
	bearer
	known chan struct{}
}

func (e entering) Authenticate(ctx context.Context, h http.Header) (identity.Identity, bool, error) {
	i, ok, err := e.bearer.Authenticate(ctx, h)
	if ok {
		close(e.known)
	}
	return i, ok, err
}

func TestASlowStrangerIsCutAndASlowPhoneIsNot(t *testing.T) {
	t.Parallel()
	phone := identity.Identity{Org: uuid.New(), User: uuid.New(), Device: uuid.New()}
	door := entering{bearer: bearer{"phone": phone}, known: make(chan struct{})}
	b, err := rpc.NewBorder(rpc.Config{
		Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), Now: time.Now, Authenticator: door,
		Access: rpc.Access{
			accountv1connect.AuthServiceLogInProcedure: {Anonymous: true},
			syncv1connect.SyncServicePullProcedure:     {Device: true},
			syncv1connect.SyncServiceWatchProcedure:    {Device: true},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle(accountv1connect.NewAuthServiceHandler(auth{}, b.Options()...))
	mux.Handle(syncv1connect.NewSyncServiceHandler(syncing{}, b.Options()...))
	s, err := rpc.NewServer(t.Context(), rpc.ServerConfig{
		Listen: "127.0.0.1:0", Handler: b.Wrap(mux), Log: slog.New(slog.DiscardHandler), Strangers: 100 * time.Millisecond,
		Streams: func(path string) bool { return path == syncv1connect.SyncServiceWatchProcedure },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	slowPhone := drip(t, s, syncv1connect.SyncServicePullProcedure, "Authorization: Bearer phone\r\n")
	<-door.known
	for procedure, want := range map[string]int{
		accountv1connect.AuthServiceLogInProcedure: http.StatusGatewayTimeout,
		syncv1connect.SyncServicePullProcedure:     http.StatusUnauthorized,
		syncv1connect.SyncServiceWatchProcedure:    http.StatusOK, // a stream's refusal is in its end
		"/nowhere":                                 http.StatusNotFound,
	} {
		if got := drip(t, s, procedure, "").answer(true); got != want {
			t.Errorf("%s: %d, want %d", procedure, got, want)
		}
	}
	// The strangers came after the phone and are gone; the phone's body goes on.
	if _, err := io.WriteString(slowPhone, "}"+strings.Repeat(" ", 98)); err != nil {
		t.Fatal(err)
	}
	if got := slowPhone.answer(false); got != http.StatusOK {
		t.Errorf("the slow phone got %d", got)
	}
	if err := s.Stop(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
}
