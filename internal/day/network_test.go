package day

import (
	"net/url"
	"testing"

	"github.com/doorstep-dev/doorstep/internal/cut"
)

// through puts a proxy before a database and returns the address that leads through it.
func through(t *testing.T, raw string) (*cut.Proxy, string) {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	p := cut.New(t, u.Host)
	u.Host = p.Addr()
	return p, u.String()
}
