package day

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
)

// hand is a technician whose phone keeps itself in sync, as the application does, and who works whatever comes.
type hand struct {
	*phone
	part []byte
	// ahead is how far the phone's clock is ahead of the true time.
	ahead atomic.Int64

	mu             sync.Mutex
	worked         map[uuid.UUID]bool
	tickets, parts int
	reset          []string
	failed         int           // rounds that did not go through
	news           chan struct{} // closed and made anew at each such round
}

// newHand enrols a technician's phone, and starts both phone and technician; they end with the test, or when rest
// is called.
func newHand(c *company, login string) (h *hand, rest func()) {
	c.t.Helper()
	h = &hand{part: c.part, worked: map[uuid.UUID]bool{}, news: make(chan struct{})}
	h.phone = newPhone(c.t, c.public,
		c.code(login), func() time.Time { return time.Now().Add(time.Duration(h.ahead.Load())) })
	h.CallTimeout = 5 * time.Second
	ctx, cancel := context.WithCancel(c.t.Context())
	var both sync.WaitGroup
	both.Go(func() {
		if err := h.Run(ctx, nil, h.hear); ctx.Err() == nil {
			c.t.Errorf("%s's phone gave up: %v", login, err)
		}
	})
	both.Go(func() { h.workOn(ctx) })
	rest = sync.OnceFunc(func() {
		cancel()
		both.Wait()
	})
	c.t.Cleanup(rest)
	return h, rest
}

func (h *hand) hear(e offline.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if e.Report == nil {
		return
	}
	h.reset = append(h.reset, e.Report.Reset...)
	if e.Err != nil {
		h.failed++
	} else {
		close(h.news)
		h.news = make(chan struct{})
	}
}

// workOn does each visit once, as soon as the phone shows it.
func (h *hand) workOn(ctx context.Context) {
	for {
		h.mu.Lock()
		news := h.news
		h.mu.Unlock()
		for _, v := range h.visits() {
			if id := uuid.UUID(v.GetId()); !h.worked[id] && ctx.Err() == nil &&
				v.GetState() == fieldv1.VisitState_VISIT_STATE_DISPATCHED {
				quantity := len(h.worked) % 3
				h.worked[id] = true
				h.work(v, h.part, quantity)
				h.mu.Lock()
				h.tickets, h.parts = h.tickets+1, h.parts+quantity
				h.mu.Unlock()
			}
		}
		select {
		case <-news:
		case <-ctx.Done():
			return
		}
	}
}

func (h *hand) done() (tickets, parts int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.tickets, h.parts
}

// troubles counts the rounds that did not go through.
func (h *hand) troubles() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failed
}

// answered returns when the office has answered for something done on the phone. The round in which it did may go on
// for long, with photos that wait.
func (h *hand) answered(t *testing.T, id uuid.UUID) time.Time {
	t.Helper()
	await(t, "a phone to find back", func() bool {
		a, err := h.Store.Action(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return a.Verdict != nil
	})
	return time.Now()
}

// note writes a word on one of the phone's tickets.
func (h *hand) note() uuid.UUID {
	h.t.Helper()
	visits := h.visits()
	if len(visits) == 0 {
		h.t.Fatal("a phone has no ticket to write on")
	}
	return h.do("note.add", &fieldv1.AddNote{Id: newID(), TicketId: visits[0].GetTicketId(), Text: "还在。"})
}

// acknowledged are the mutations that the server answered for.
func (h *hand) acknowledged() (ids []uuid.UUID) {
	h.t.Helper()
	actions, err := h.Store.Actions(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	for _, a := range actions {
		if a.Verdict != nil {
			ids = append(ids, a.ID)
		}
	}
	return ids
}
