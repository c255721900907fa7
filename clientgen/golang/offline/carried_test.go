package offline_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
)

const forgery = `{"Holder":"00000000-0000-0000-0000-000000000000"}`

// running is a phone that watches, on a good network.
type running struct {
	*phone
	changed   chan offline.Changed
	connected chan bool
	uploaded  chan int
}

func (o *office) running(t *testing.T, user uuid.UUID) *running {
	t.Helper()
	return run(t, o.phone(t, user, newFaulty(1, 0)))
}

// run lets a phone watch until the test ends.
func run(t *testing.T, watching *phone) *running {
	t.Helper()
	p := &running{watching, make(chan offline.Changed, 1000), make(chan bool, 1000), make(chan int, 1000)}
	p.Client.Sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() } // no wait in tests
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- p.Run(ctx, nil, func(e offline.Event) {
			if e.Connected != nil {
				p.connected <- *e.Connected
			}
			if e.Report != nil {
				for _, c := range e.Report.Changed {
					p.changed <- c
				}
				if e.Report.Uploaded > 0 {
					p.uploaded <- e.Report.Uploaded
				}
			}
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	<-p.connected
	return p
}

// gets gives the phone something new and waits until it shows it.
func (p *running) gets(t *testing.T, o *office, user uuid.UUID) {
	t.Helper()
	item := uuid.New()
	o.give(t, item, user)
	for c := range p.changed {
		if string(c.After) == forgery {
			t.Fatal("a page was taken that goes on from elsewhere")
		}
		if c.ID == item && c.After != nil {
			return
		}
	}
}

func TestAPageThatComesWithAPokeSavesThePull(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	user, _ := o.worker(t, 1)
	p := o.running(t, user)
	before, _ := o.calls()
	for range 5 {
		p.gets(t, o, user)
	}
	if after, watches := o.calls(); after != before || watches != 1 {
		t.Errorf("%d pulls and %d watches for what came by itself", after-before, watches)
	}
	r, err := p.Sync(t.Context())
	if err != nil || len(r.Changed)+len(r.Reset)+len(r.Repaired) != 0 {
		t.Errorf("a pull then brings %+v, %v", r, err)
	}
}

func TestAPageThatGoesOnFromElsewhereIsLeftAndTheWatchSaysAnewWhatIsHeld(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	user, _ := o.worker(t, 1)
	o.mu.Lock()
	o.forge = func(p *syncv1.Poke) {
		if p.Page == nil {
			return
		}
		p.After[0]++
		for _, f := range p.Page.Feeds {
			for _, e := range f.Entries {
				e.Body = []byte(forgery)
			}
		}
	}
	o.mu.Unlock()
	p := o.running(t, user)
	before, _ := o.calls()
	for range 7 {
		p.gets(t, o, user)
	}
	if after, watches := o.calls(); after-before < 7 || watches < 2 {
		t.Errorf("%d pulls, %d watches", after-before, watches)
	}
	r, err := p.Sync(t.Context())
	if err != nil || len(r.Changed)+len(r.Reset)+len(r.Repaired) != 0 {
		t.Errorf("a pull then brings %+v, %v", r, err)
	}
}
