package offline_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/doorstep-dev/doorstep/sync/synctest"
)

// wires notes in which form each call to a real server goes out and is answered.
type wires struct {
	mu  sync.Mutex
	saw map[string]string
}

func (w *wires) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := http.DefaultTransport.RoundTrip(r)
	if err == nil {
		w.mu.Lock()
		w.saw[r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]] = r.Header.Get("Content-Type") + " " +
			res.Header.Get("Content-Type")
		w.mu.Unlock()
	}
	return res, err
}

// JSON drops nothing that a server knows and refuses what it does not: a newer app would not work with an older server.
func TestEveryCallIsBinary(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	user, items := o.worker(t, 1)
	w := &wires{saw: map[string]string{}}
	p := o.phone(t, user, w)
	p.do("add", synctest.Args{Item: items[0]})
	p.sync()
	o.expire()
	p.sync()
	for _, call := range []string{"Pull", "Push", "RefreshToken"} {
		if got := w.saw[call]; got != "application/proto application/proto" {
			t.Errorf("%s: %q", call, got)
		}
	}
	for call, got := range w.saw {
		if strings.Contains(got, "json") {
			t.Errorf("%s: %q", call, got)
		}
	}
}
