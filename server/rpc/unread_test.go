package rpc_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/doorstep-dev/doorstep/proto/doorstep/account/v1/accountv1connect"
	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1/syncv1connect"
	"github.com/doorstep-dev/doorstep/server/rpc"
)

const (
	toPull  = syncv1connect.SyncServicePullProcedure
	toLogIn = accountv1connect.AuthServiceLogInProcedure
)

// pagesOf answers pulls with so many bytes, within the given limits.
func pagesOf(t *testing.T, bytes int, l rpc.Limits) http.Handler {
	t.Helper()
	b, err := rpc.NewBorder(rpc.Config{
		Log: slog.New(slog.DiscardHandler), Metrics: prometheus.NewRegistry(), Now: time.Now, Authenticator: bearer{},
		Access: rpc.Access{toPull: {Anonymous: true, Large: true}, toLogIn: {Anonymous: true}}, Limits: l,
	})
	if err != nil {
		t.Fatal(err)
	}
	body := make([]byte, bytes)
	if _, err := rand.Read(body); err != nil {
		t.Fatal(err)
	}
	page := &syncv1.PullResponse{Feeds: []*syncv1.FeedDelta{{Feed: "x", Packs: [][]byte{body}}}}
	mux := http.NewServeMux()
	mux.Handle(syncv1connect.NewSyncServiceHandler(pulling{pull: func() *syncv1.PullResponse { return page }},
		b.Options()...))
	mux.Handle(accountv1connect.NewAuthServiceHandler(auth{}, b.Options()...))
	return b.Wrap(mux)
}

func callFrom(ctx context.Context, procedure, address string) *http.Request {
	body := "{}"
	if procedure == toLogIn {
		body = `{"org": "toys", "login": "lao", "password": "correct horse"}`
	}
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, procedure, strings.NewReader(body))
	r.RemoteAddr = address + ":1234"
	r.Header.Set("Content-Type", "application/json")
	return r
}

// unreadFrom makes a call whose answer waits, when it returns, until the function that it returns is called.
func unreadFrom(t *testing.T, h http.Handler, procedure, address string) (read func()) {
	t.Helper()
	s := slow{httptest.NewRecorder(), make(chan struct{}), make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.ServeHTTP(s, callFrom(t.Context(), procedure, address))
	}()
	<-s.asked
	return func() {
		close(s.take)
		<-done
	}
}

// refused tells whether the call is asked to come back later.
func refused(t *testing.T, h http.Handler, procedure, address string) bool {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, callFrom(t.Context(), procedure, address))
	if w.Code == http.StatusOK {
		return false
	}
	if !strings.Contains(w.Body.String(), `"overloaded"`) || !strings.Contains(w.Body.String(), "retryAfterMs") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	return true
}

func TestAnswersThatNobodyReadsKeepFurtherOnesFromBeingMade(t *testing.T) {
	t.Parallel()
	for _, procedure := range []string{toPull, toLogIn} {
		h := pagesOf(t, 10, rpc.Limits{Unread: 1})
		read := unreadFrom(t, h, procedure, "192.0.2.1")
		for _, next := range []string{toPull, toLogIn} {
			if !refused(t, h, next, "192.0.2.2") {
				t.Errorf("%s is answered while the answer of %s fills all room", next, procedure)
			}
		}
		read()
		if refused(t, h, toPull, "192.0.2.2") || refused(t, h, toLogIn, "192.0.2.2") {
			t.Errorf("refused when the answer of %s was read", procedure)
		}
	}
}

func TestPagesThatNobodyReadsLeaveRoomForOtherAnswers(t *testing.T) {
	t.Parallel()
	h := pagesOf(t, 80<<10, rpc.Limits{Unread: 120 << 10})
	read := unreadFrom(t, h, toPull, "192.0.2.1")
	if !refused(t, h, toPull, "192.0.2.2") || refused(t, h, toLogIn, "192.0.2.2") {
		t.Error("of a page and a small answer, the page alone has no room")
	}
	read()
}

func TestOneCallerThatReadsNothingIsRefusedAlone(t *testing.T) {
	t.Parallel()
	h := pagesOf(t, 80<<10, rpc.Limits{Unread: 1 << 20})
	read := unreadFrom(t, h, toPull, "192.0.2.1")
	if !refused(t, h, toPull, "192.0.2.1") {
		t.Error("one caller has more than a sixteenth")
	}
	if refused(t, h, toPull, "192.0.2.2") {
		t.Error("another caller is refused")
	}
	read()
	if refused(t, h, toPull, "192.0.2.1") {
		t.Error("refused when the answer was read")
	}
}

func TestAReaderThatReadsNothingIsCutAndGivesItsRoomBack(t *testing.T) {
	t.Parallel()
	h := pagesOf(t, 16<<20, rpc.Limits{Unread: 1, SendBytes: 64 << 20})
	ended := make(chan struct{}, 1)
	s, err := rpc.NewServer(t.Context(), rpc.ServerConfig{
		Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler), Calls: 100 * time.Millisecond,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h.ServeHTTP(w, r)
			ended <- struct{}{}
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(s.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	// Else the system takes the page for its reader.
	if err := conn.(*net.TCPConn).SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn,
		"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", toPull); err != nil {
		t.Fatal(err)
	}
	<-ended
	if refused(t, h, toLogIn, "192.0.2.2") {
		t.Error("the answer of who was cut still holds its room")
	}
	if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, conn); n >= 16<<20 {
		t.Errorf("all of it came, %d bytes: %v", n, err)
	}
	if err := s.Stop(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
}
