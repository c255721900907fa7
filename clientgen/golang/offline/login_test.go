package offline_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1/syncv1connect"
	"github.com/doorstep-dev/doorstep/sync/synctest"
)

// gate holds the answer to one renewal back until it is opened.
type gate struct{ shut, reached, open chan struct{} }

func newGate() *gate {
	return &gate{make(chan struct{}, 1), make(chan struct{}), make(chan struct{})}
}

func (g *gate) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := http.DefaultTransport.RoundTrip(r)
	if strings.HasSuffix(r.URL.Path, "/RefreshToken") {
		select {
		case <-g.shut:
			close(g.reached)
			<-g.open
		default:
		}
	}
	return res, err
}

// A login that runs out is often renewed and replaced at the same moment: by a call of the app and by the person.
func TestARenewalUnderWayLeavesANewEnrolmentAlone(t *testing.T) {
	t.Parallel()
	for _, refused := range []bool{false, true} {
		o := openOffice(t)
		user, items := o.worker(t, 1)
		g := newGate()
		p := o.phone(t, user, g)
		p.do("add", synctest.Args{Item: items[0]})
		p.sync()
		o.expire()
		o.mu.Lock()
		o.ended = refused
		o.mu.Unlock()
		g.shut <- struct{}{}
		done := make(chan error)
		go func() { // a call of another service
			h, server, err := p.Dial(t.Context())
			if err == nil {
				_, err = syncv1connect.NewSyncServiceClient(h, server, p.Options()...).Pull(t.Context(),
					connect.NewRequest(&syncv1.PullRequest{}))
			}
			done <- err
		}()
		<-g.reached
		old, err := p.Store.Device(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		o.mu.Lock()
		o.ended, o.revoked[old.ID] = false, true
		o.mu.Unlock()
		if _, err := p.Enrol(t.Context(), o.url, user.String()); err != nil {
			t.Fatal(err)
		}
		close(g.open)
		if err := <-done; (err != nil) != refused {
			t.Errorf("refused %v: the call of the app: %v", refused, err)
		}
		p.do("add", synctest.Args{Item: items[0]})
		p.sync()
		if n := o.count(t, items[0]); n != 2 {
			t.Errorf("refused %v: counted %d", refused, n)
		}
	}
}

func TestAClockThatIsFastRenewsATokenOnce(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	user, _ := o.worker(t, 1)
	p := o.phone(t, user, nil)
	p.sync()
	first := o.renewals()
	p.Store.Now = func() time.Time { return time.Now().Add(48 * time.Hour) }
	for range 10 {
		p.sync()
	}
	if n := o.renewals() - first; n > 1 {
		t.Errorf("%d renewals of a token that is good", n)
	}
	o.expire() // what is believed ends by the server's word
	p.sync()
	if n := o.renewals() - first; n > 2 {
		t.Errorf("%d renewals", n)
	}
	if d, err := p.Store.Device(t.Context()); err != nil || d.Ended != "" {
		t.Errorf("ended %q, %v", d.Ended, err)
	}
}

func (o *office) renewals() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.renewed
}
