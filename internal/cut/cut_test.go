package cut_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/doorstep-dev/doorstep/internal/cut"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(int) { http.DefaultClient.CloseIdleConnections() }),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

// echo answers each line with itself.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); c.Close() }()
		}
	}()
	return l.Addr().String()
}

type line struct {
	net.Conn
	*bufio.Reader
}

func dial(t *testing.T, addr string) line {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return line{c, bufio.NewReader(c)}
}

func (l line) say(t *testing.T, word string) {
	t.Helper()
	if _, err := io.WriteString(l.Conn, word+"\n"); err != nil {
		t.Fatal(err)
	}
}

func (l line) hear(t *testing.T, word string) {
	t.Helper()
	if got, err := l.ReadString('\n'); err != nil || got != word+"\n" {
		t.Fatalf("heard %q, %v", got, err)
	}
}

func TestAStallHoldsWhatIsUnderWayAndLosesNothing(t *testing.T) {
	t.Parallel()
	p := cut.New(t, echo(t))
	l := dial(t, p.Addr())
	l.say(t, "one")
	l.hear(t, "one")
	p.Stall()
	l.say(t, "two")
	heard := make(chan string)
	go func() {
		s, _ := l.ReadString('\n')
		heard <- s
	}()
	select {
	case s := <-heard:
		t.Fatalf("heard %q through a pulled cable", s)
	default:
	}
	p.Flow()
	if s := <-heard; s != "two\n" {
		t.Fatalf("heard %q", s)
	}
}

func TestAResetIsHeardAndTheNextConnectionWorks(t *testing.T) {
	t.Parallel()
	p := cut.New(t, echo(t))
	l := dial(t, p.Addr())
	l.say(t, "one")
	l.hear(t, "one")
	p.Reset()
	if _, err := l.ReadString('\n'); err == nil || errors.Is(err, io.EOF) {
		t.Fatalf("wanted a reset, got %v", err)
	}
	next := dial(t, p.Addr())
	next.say(t, "two")
	next.hear(t, "two")
	p.Refuse()
	// The reset may come before the dialling has returned.
	if refused, err := net.Dial("tcp", p.Addr()); err == nil {
		if _, err := bufio.NewReader(refused).ReadString('\n'); err == nil {
			t.Fatal("a proxy that refuses answered")
		}
		_ = refused.Close()
	}
	p.Accept()
	last := dial(t, p.Addr())
	last.say(t, "three")
	last.hear(t, "three")
}

func TestBadWeatherBreaksInTheMiddleAndMends(t *testing.T) {
	t.Parallel()
	p := cut.New(t, echo(t))
	p.Break(7, 1000)
	for p.Broken() < 20 {
		c, err := net.Dial("tcp", p.Addr())
		if err != nil {
			continue // broken before the dialling has returned
		}
		t.Cleanup(func() { _ = c.Close() })
		go func() {
			_, _ = io.WriteString(c, strings.Repeat("x", 4000)) // it breaks on the way
		}()
		go func() { _, _ = io.Copy(io.Discard, c) }()
	}
	p.Mend()
	l := dial(t, p.Addr())
	l.say(t, strings.Repeat("x", 10_000))
	l.hear(t, strings.Repeat("x", 10_000))
}

func TestABalancerGivesConnectionsToThoseThatAreReady(t *testing.T) {
	t.Parallel()
	ready := [2]atomic.Bool{}
	var addrs []string
	for i := range ready {
		ready[i].Store(true)
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/readyz" && !ready[i].Load() {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			_, _ = io.WriteString(w, r.Context().Value(http.LocalAddrContextKey).(net.Addr).String())
		}))
		t.Cleanup(s.Close)
		addrs = append(addrs, s.Listener.Addr().String())
	}
	b := cut.Balance(t, addrs...)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	ask := func() string {
		res, err := client.Get("http://" + b.Addr())
		if err != nil {
			return ""
		}
		defer res.Body.Close()
		body, _ := io.ReadAll(res.Body)
		return string(body)
	}
	until := func(what string, ok func() bool) {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for deadline := time.Now().Add(time.Minute); !ok(); <-tick.C {
			if time.Now().After(deadline) {
				t.Fatal("gave up waiting: " + what)
			}
		}
	}
	until("both in rotation", func() bool { return len(b.Ready()) == 2 })
	if first, second := ask(), ask(); first == second || first == "" || second == "" {
		t.Errorf("two calls went to %q and %q", first, second)
	}
	ready[0].Store(false)
	until("one out", func() bool { return len(b.Ready()) == 1 })
	for range 4 {
		if got := ask(); got != addrs[1] {
			t.Errorf("a call went to %q", got)
		}
	}
	ready[0].Store(true)
	until("in again", func() bool { return len(b.Ready()) == 2 })
}
