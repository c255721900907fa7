package app_test

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

func TestAnAccountsPasswordIsNotGuessedFromManyAddresses(t *testing.T) {
	t.Parallel()
	c := open(t)
	c.clock.Stop()
	want := func(t *testing.T, what string, err error, code fault.Code) {
		t.Helper()
		if got := fault.CodeOf(err); got != code {
			t.Errorf("%s: %v, want %s", what, err, code)
		}
	}
	home, elsewhere := netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("198.51.100.99")
	in := func(slug, login, password string, from netip.Addr) error {
		_, err := c.Rooms.Account.LogIn(context.Background(), slug, login, password, from)
		return err
	}
	slug := c.org.Slug
	want(t, "the owner at home", in(slug, "boss", password, home), "")

	// Ninety guesses from ten addresses, all at once, against a name that exists and one that does not, and a company that
	// does not: what is told is the same.
	for _, name := range [][2]string{{slug, "boss"}, {slug, "nobody"}, {"nowhere", "boss"}} {
		var looked, waits atomic.Int32
		var all sync.WaitGroup
		for i := range 90 {
			all.Go(func() {
				err := in(name[0], name[1], "wrong password", netip.MustParseAddr(fmt.Sprintf("203.0.113.%d", i%10)))
				switch fault.CodeOf(err) {
				case account.LoginFailed:
					looked.Add(1)
				case fault.RateLimited:
					waits.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		all.Wait()
		if looked.Load() != 10 || waits.Load() != 80 {
			t.Errorf("%v: %d guesses were looked at and %d had to wait, want 10 and 80", name, looked.Load(), waits.Load())
		}
	}
	want(t, "the right password after ninety guesses", in(slug, "boss", password, elsewhere), fault.RateLimited)
	want(t, "the owner at home, meanwhile", in(slug, "boss", password, home), "")

	// Guessing on is slower and slower, five minutes at most; the owner elsewhere waits no longer than that.
	looked := 0
	for range 300 {
		c.clock.Advance(2 * time.Second)
		if fault.CodeOf(in(slug, "boss", "wrong password", elsewhere)) == account.LoginFailed {
			looked++
		}
	}
	if looked < 6 || looked > 12 {
		t.Errorf("%d guesses in ten minutes, want some 8", looked)
	}
	c.clock.Advance(5 * time.Minute)
	want(t, "the owner elsewhere, after five minutes", in(slug, "boss", password, elsewhere), "")
	// Now that is a known address, too, with a count of its own.
	for range 10 {
		_ = in(slug, "boss", "wrong password", netip.MustParseAddr("203.0.113.1"))
	}
	want(t, "a known address", in(slug, "boss", password, elsewhere), "")

	// At a known address guesses are counted as well.
	for range 10 {
		want(t, "wrong at home", in(slug, "boss", "wrong password", home), account.LoginFailed)
	}
	want(t, "the eleventh at home", in(slug, "boss", password, home), fault.RateLimited)
}
