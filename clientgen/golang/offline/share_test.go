package offline_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"connectrpc.com/connect"
	"golang.org/x/sync/errgroup"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1/syncv1connect"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/synctest"
)

func TestTwoProgramsOnOneFolderSaveAndSendWithoutLosingOrDoubling(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	user, items := o.worker(t, 1)
	one := o.phone(t, user, nil)
	two := o.open(t, one.Store.Dir, nil)
	const each = 20
	var group errgroup.Group
	for _, p := range []*phone{one, two} {
		group.Go(func() error {
			for range each {
				if _, err := p.Store.Do(t.Context(), "add", synctest.Args{Item: items[0]}.Encode()); err != nil {
					return err
				}
				if _, err := p.Sync(t.Context()); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := o.count(t, items[0]); got != 2*each || one.shown()[items[0]] != got || two.shown()[items[0]] != got {
		t.Errorf("counted %d, shown %v and %v", got, one.shown(), two.shown())
	}
}

func TestAProgramThatStaysConnectedSendsWhatAnotherSaved(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	user, items := o.worker(t, 1)
	live := o.phone(t, user, nil)
	ctx, cancel := context.WithCancel(t.Context())
	connected, pushed := make(chan struct{}, 9), make(chan struct{}, 9)
	ended := make(chan error)
	go func() {
		ended <- live.Run(ctx, nil, func(e offline.Event) {
			if e.Connected != nil && *e.Connected {
				connected <- struct{}{}
			}
			if e.Report != nil && e.Report.Pushed > 0 {
				pushed <- struct{}{}
			}
		})
	}()
	<-connected
	short := o.open(t, live.Store.Dir, nil)
	short.do("add", synctest.Args{Item: items[0]})
	<-pushed
	// Another program moves the switch, too: what is done meanwhile goes out when it comes back.
	if err := short.Store.SetOffline(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	short.do("add", synctest.Args{Item: items[0]})
	if err := short.Store.SetOffline(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	<-pushed
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if got := o.count(t, items[0]); got != 2 {
		t.Errorf("counted %d", got)
	}
}

// answered tells of the first answer of any call.
type answered struct {
	once sync.Once
	came chan struct{}
}

func (a *answered) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := http.DefaultTransport.RoundTrip(r)
	a.once.Do(func() { close(a.came) })
	return res, err
}

// A refresh token that is used twice ends the login.
func TestTwoProgramsOnOneFolderRenewTheLoginOnce(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	user, _ := o.worker(t, 1)
	g := newGate()
	one := o.phone(t, user, g)
	first := &answered{came: make(chan struct{})}
	two := o.open(t, one.Store.Dir, first)
	o.expire()
	before := o.renewals()
	g.shut <- struct{}{}
	var group errgroup.Group
	group.Go(func() error { _, err := one.Sync(t.Context()); return err })
	<-g.reached // the first program has renewed and does not know it yet
	group.Go(func() error {
		h, server, err := two.Dial(t.Context())
		if err == nil {
			_, err = syncv1connect.NewSyncServiceClient(h, server, two.Options()...).Pull(t.Context(),
				connect.NewRequest(&syncv1.PullRequest{}))
		}
		return err
	})
	<-first.came // the second is told that its token has run out
	close(g.open)
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if n := o.renewals() - before; n != 1 {
		t.Errorf("renewed %d times", n)
	}
}

func TestBytesThatAnotherProgramIsAboutToAnnounceStay(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	user, items := o.worker(t, 1)
	one := o.phone(t, user, nil)
	kept, err := one.Store.Keep(t.Context(), strings.NewReader("\xff\xd8\xff a photo"), "image/jpeg")
	if err != nil {
		t.Fatal(err)
	}
	two := o.open(t, one.Store.Dir, nil) // opening removes what nobody announced
	if _, err := one.Store.Do(t.Context(), "add", synctest.Args{Item: items[0]}.Encode(), kept); err != nil {
		t.Fatal(err)
	}
	f, err := two.Store.OpenFile(kept.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	// Of a program that died before it announced them, they go.
	lost, err := two.Store.Keep(t.Context(), strings.NewReader("\xff\xd8\xff another"), "image/jpeg")
	if err != nil {
		t.Fatal(err)
	}
	if err := two.Store.Close(); err != nil {
		t.Fatal(err)
	}
	three := o.open(t, one.Store.Dir, nil)
	if _, err := three.Store.OpenFile(lost.ID); err == nil {
		t.Error("bytes that nobody announced are still there")
	}
}

func TestAReaderLooksAndCannotWrite(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	user, items := o.worker(t, 1)
	p := o.phone(t, user, nil)
	p.sync()
	reading := o.options(p.Store.Dir)
	reading.ReadOnly = true
	s, err := offline.Open(t.Context(), reading)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	p.do("add", synctest.Args{Item: items[0]})
	if got := (&phone{&offline.Client{Store: s}, t}).shown()[items[0]]; got != 1 {
		t.Errorf("the reader sees %d", got)
	}
	if _, err := s.Do(t.Context(), "add", nil); offline.CodeOf(err) != fault.StoreLocked {
		t.Errorf("the reader wrote: %v", err)
	}
}
