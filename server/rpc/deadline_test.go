package rpc

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"testing"
	"time"

	"connectrpc.com/connect"
)

// noting keeps the deadlines that are asked of a connection.
type noting struct {
	*httptest.ResponseRecorder
	read, write time.Time
}

func (n *noting) SetReadDeadline(t time.Time) error  { n.read = t; return nil }
func (n *noting) SetWriteDeadline(t time.Time) error { n.write = t; return nil }

func TestOnlyCallsThatEndHaveDeadlines(t *testing.T) {
	t.Parallel()
	h := deadlines(http.NotFoundHandler(), func(p string) bool { return p == "/watch" }, time.Minute, time.Hour)
	for path, bounded := range map[string]bool{"/watch": false, "/pull": true} {
		n := &noting{ResponseRecorder: httptest.NewRecorder(), read: time.Now(), write: time.Now()}
		h.ServeHTTP(n, httptest.NewRequest(http.MethodPost, path, http.NoBody))
		if n.read.IsZero() == bounded || n.write.IsZero() == bounded {
			t.Errorf("%s: read until %v, write until %v", path, n.read, n.write)
		}
	}
}

// untaken is a stream to a caller that takes nothing: a message goes nowhere until its deadline.
type untaken struct {
	connect.StreamingHandlerConn
	n *noting
}

func (u untaken) Send(any) error {
	if u.n.write.IsZero() {
		return nil // it would stand for ever
	}
	return os.ErrDeadlineExceeded
}

func TestAMessageOfAStreamHasADeadlineAndTheStreamHasNone(t *testing.T) {
	t.Parallel()
	n := &noting{ResponseRecorder: httptest.NewRecorder()}
	c := &streamConn{StreamingHandlerConn: untaken{n: n}, call: &call{conn: http.NewResponseController(n)}}
	if err := c.Send(nil); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a caller that reads nothing: %v", err)
	}
	if !n.write.IsZero() {
		t.Errorf("between messages there is a deadline, %v", n.write)
	}
}

func TestBucketsStayBounded(t *testing.T) {
	t.Parallel()
	b := newBuckets(Rate{PerSecond: 1, Burst: 1}, 100)
	at := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for i := range 10_000 {
		if _, ok := b.take(fmt.Sprint(i), 1, at); !ok {
			t.Fatalf("key %d was refused its first call", i)
		}
	}
	if n := len(b.young) + len(b.old); n > 100 {
		t.Errorf("%d keys kept", n)
	}
}

func TestStrangersCannotChooseTheirAddress(t *testing.T) {
	t.Parallel()
	proxies := prefixes(t, "10.0.0.0/8")
	for _, c := range []struct{ peer, forwarded, want string }{
		{"203.0.113.9:1234", "198.51.100.1", "203.0.113.9"},
		{"10.0.0.1:1234", "198.51.100.1", "198.51.100.1"},
		{"10.0.0.1:1234", "1.1.1.1, 198.51.100.1, 10.0.0.2", "198.51.100.1"},
		{"10.0.0.1:1234", "nonsense", "10.0.0.1"},
		{"10.0.0.1:1234", "", "10.0.0.1"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = c.peer
		r.Header.Set("X-Forwarded-For", c.forwarded)
		if got := addressOf(r, proxies).String(); got != c.want {
			t.Errorf("%+v: got %s", c, got)
		}
	}
}

func prefixes(t *testing.T, s ...string) []netip.Prefix {
	t.Helper()
	out := make([]netip.Prefix, len(s))
	for i, p := range s {
		var err error
		if out[i], err = netip.ParsePrefix(p); err != nil {
			t.Fatal(err)
		}
	}
	return out
}
