// Package outside marks the places where the program calls others: the object store, or a program of its own. The tests
// hear of each call and see to it that none happens inside a transaction, which holds locks and a connection.
package outside

import (
	"net/http"
	"sync/atomic"
)

var heard atomic.Pointer[func(what string)]

// Observe lets fn hear of every call from now on. It is for the tests.
func Observe(fn func(what string)) { heard.Store(&fn) }

// Call says that this goroutine is about to call another program.
func Call(what string) {
	if fn := heard.Load(); fn != nil {
		(*fn)(what)
	}
}

// Transport tells of each request that goes through next.
func Transport(what string, next http.RoundTripper) http.RoundTripper { return transport{what, next} }

type transport struct {
	what string
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(q *http.Request) (*http.Response, error) {
	Call(t.what + ": " + q.Method + " " + q.URL.Path)
	return t.next.RoundTrip(q)
}
