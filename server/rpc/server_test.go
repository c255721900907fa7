package rpc_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/doorstep-dev/doorstep/server/rpc"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

func TestMain(m *testing.M) {
	// The client's idle connections belong to the standard library's transport, not to us.
	goleak.VerifyTestMain(m, goleak.Cleanup(func(int) { http.DefaultClient.CloseIdleConnections() }),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

func listen(t *testing.T, h http.Handler) *rpc.Server {
	t.Helper()
	s, err := rpc.NewServer(t.Context(),
		rpc.ServerConfig{Listen: "127.0.0.1:0", Handler: h, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestTheServerSpeaksHTTP1AndHTTP2InTheClear(t *testing.T) {
	t.Parallel()
	s := listen(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }))
	for want, set := range map[string]func(*http.Protocols){
		"HTTP/1.1": func(p *http.Protocols) { p.SetHTTP1(true) },
		"HTTP/2.0": func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) },
	} {
		p := new(http.Protocols)
		set(p)
		transport := &http.Transport{Protocols: p}
		res, err := (&http.Client{Transport: transport}).Get(s.URL())
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		transport.CloseIdleConnections()
		if string(b) != want {
			t.Errorf("got %s, want %s", b, want)
		}
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestShutdownLetsCallsInFlightFinish(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	s := listen(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-leave
		_, _ = io.WriteString(w, "done")
	}))
	answer := make(chan string, 1)
	go func() {
		res, err := http.Get(s.URL())
		if err != nil {
			answer <- err.Error()
			return
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			answer <- err.Error()
			return
		}
		answer <- string(b)
	}()
	<-entered
	down := make(chan error, 1)
	go func() { down <- s.Stop(context.WithoutCancel(t.Context())) }()
	close(leave)
	if got := <-answer; got != "done" {
		t.Error(got)
	}
	if err := <-down; err != nil {
		t.Error(err)
	}
}

func TestShutdownCutsWhatOutstaysItsContext(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{})
	s := listen(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { close(entered); <-r.Context().Done() }))
	gone := make(chan error, 1)
	go func() {
		res, err := http.Get(s.URL())
		if err == nil {
			res.Body.Close()
		}
		gone <- err
	}()
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Stop(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := <-gone; err == nil {
		t.Error("the call was not cut")
	}
}

func TestABusyPortIsSaidPlainly(t *testing.T) {
	t.Parallel()
	s := listen(t, http.NotFoundHandler())
	defer func() {
		if err := s.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}()
	_, err := rpc.NewServer(t.Context(),
		rpc.ServerConfig{
			Listen: s.URL()[len("http://"):], Handler: http.NotFoundHandler(),
			Log: slog.New(slog.DiscardHandler),
		})
	if fault.CodeOf(err) != rpc.PortBusy {
		t.Error(err)
	}
}

func TestAServerThatIsNotReadySendsItsCallersElsewhere(t *testing.T) {
	t.Parallel()
	h := rpc.NewHealth(nil, nil)
	wrapped := h.Wrap(http.NotFoundHandler())
	for _, ready := range []bool{false, true, false} {
		h.Ready(ready)
		rec := httptest.NewRecorder()
		wrapped.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/", nil))
		if closes := rec.Header().Get("Connection") == "close"; closes == ready {
			t.Errorf("ready %v: connection closed %v", ready, closes)
		}
	}
}

func TestReadinessFollowsChecksAndDraining(t *testing.T) {
	t.Parallel()
	broken := false
	h := rpc.NewHealth(map[string]rpc.Check{"database": func() error {
		if broken {
			return errors.New("10.0.0.5 refused")
		}
		return nil
	}}, nil)
	mux := http.NewServeMux()
	h.Routes(mux)
	get := func(path string) int {
		rec := httptest.NewRecorder()
		mux.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, path, nil))
		return rec.Code
	}
	if get("/readyz") != 503 || get("/healthz") != 200 {
		t.Error("ready before it was said")
	}
	broken = true
	h.Ready(true)
	if got := get("/readyz"); got != 503 {
		t.Errorf("ready although a check fails: %d", got)
	}
	away := false
	h2 := rpc.NewHealth(nil, map[string]rpc.Check{"object_store": func() error {
		if away {
			return errors.New("10.0.0.6 refused")
		}
		return nil
	}})
	mux2 := http.NewServeMux()
	h2.Routes(mux2)
	h2.Ready(true)
	rec := httptest.NewRecorder()
	mux2.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	if rec.Code != 200 {
		t.Errorf("not ready although all is well: %d", rec.Code)
	}
	away = true
	rec = httptest.NewRecorder()
	mux2.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	if said := rec.Body.String(); rec.Code != 200 || !strings.Contains(said, `"object_store":"failing"`) ||
		!strings.Contains(said, `"status":"degraded"`) || strings.Contains(said, "10.0.0.6") {
		t.Errorf("a partial check fails: %d %s", rec.Code, said)
	}
	h2.Ready(false)
	rec = httptest.NewRecorder()
	mux2.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	if rec.Code != 503 {
		t.Errorf("ready while draining: %d", rec.Code)
	}
}
