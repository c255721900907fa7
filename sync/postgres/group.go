package postgres

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
)

const (
	// groupsAtOnce is how many groups of one org read at the same time: one that is short of a range must not hold up
	// all others.
	groupsAtOnce = 2
	// groupOf bounds how many share a snapshot, and so how long the first waits for the last.
	groupOf = 128
	// groupLimit bounds how long a group reads. Whoever asked may be gone by then, and does not end it for the others.
	groupLimit = 10 * time.Second
)

// errAlone says that a page is better read at a snapshot of its own.
var errAlone = errors.New("read this page alone")

// groups gathers the readers of each org. Like a group commit: while some groups read, those who ask meanwhile gather,
// and the next group takes them all. Nobody waits for company, so one who asks alone is answered as fast as ever.
type groups struct {
	mu   sync.Mutex
	orgs map[change.Org]*gathering
}

type gathering struct {
	waiting []*asked
	running int
}

// asked is one reader's question and, once done is closed, its answer.
type asked struct {
	req feed.Request
	// unasked: the device did not call, so that nobody has looked whether it may read.
	unasked bool
	page    feed.Page
	err     error
	done    chan struct{}
}

// Page is feed.Read for those who are not far behind, many of whom ask at the same moment when a feed that they share
// changes: what a group of them reads is read at one snapshot, which is younger than the question of each.
func (s *Store) Page(ctx context.Context, req feed.Request) (feed.Page, error) {
	if len(req.Cursor.Feeds) == 0 || len(req.Reset) > 0 {
		return feed.Read(ctx, s, req)
	}
	page, err := s.gather(ctx, &asked{req: req, done: make(chan struct{})})
	if err != nil && ctx.Err() == nil {
		// It is long, or what went wrong may be another's reason: the connection's, or the group's patience.
		return feed.Read(ctx, s, req)
	}
	return page, err
}

// ErrMayNotRead says that a device may read no longer.
var ErrMayNotRead = errors.New("the device may not read")

// Carry is Page for a device that did not ask, but would if it were told that something has changed. Whether it may
// read is looked at in the snapshot that the page is of. Any error but ErrMayNotRead says: let it ask.
func (s *Store) Carry(ctx context.Context, req feed.Request) (feed.Page, error) {
	return s.gather(ctx, &asked{req: req, unasked: true, done: make(chan struct{})})
}

func (s *Store) gather(ctx context.Context, a *asked) (feed.Page, error) {
	s.join(a)
	select {
	case <-ctx.Done():
		return feed.Page{}, ctx.Err()
	case <-a.done:
		return a.page, a.err
	}
}

func (s *Store) join(a *asked) {
	g := &s.groups
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.orgs == nil {
		g.orgs = map[change.Org]*gathering{}
	}
	of := g.orgs[a.req.Org]
	if of == nil {
		of = &gathering{}
		g.orgs[a.req.Org] = of
	}
	of.waiting = append(of.waiting, a)
	if of.running < groupsAtOnce {
		of.running++
		go s.readGroups(a.req.Org, of)
	}
}

// readGroups reads one group after another until nobody waits.
func (s *Store) readGroups(org change.Org, of *gathering) {
	for {
		s.groups.mu.Lock()
		group := of.waiting[:min(len(of.waiting), groupOf)]
		of.waiting = of.waiting[len(group):]
		if len(group) == 0 {
			if of.running--; of.running == 0 {
				delete(s.groups.orgs, org)
			}
			s.groups.mu.Unlock()
			return
		}
		s.groups.mu.Unlock()
		s.readGroup(org, group)
	}
}

// readGroup answers all of a group, each with a page or an error.
func (s *Store) readGroup(org change.Org, group []*asked) {
	ctx, cancel := context.WithTimeout(context.Background(), groupLimit)
	defer cancel()
	who := make([]reading, len(group))
	for i, a := range group {
		a.err = errAlone
		who[i] = reading{a.req.Device, a.req.User}
	}
	answered := 0
	defer func() {
		for _, a := range group[answered:] {
			close(a.done) // with errAlone
		}
	}()
	// What went wrong is found again by each who then reads alone, and told to whom it concerns.
	_ = s.Read(ctx, org, func(tx *Tx) error {
		states, err := tx.states(ctx, who)
		if err != nil {
			return err
		}
		barred, err := s.barred(ctx, tx, group)
		if err != nil {
			return err
		}
		for i, a := range group {
			switch {
			case a.unasked && barred[a.req.Device]:
				a.err = ErrMayNotRead
			case a.req.Short(states[i]):
				a.page, a.err = answer(ctx, &snapshot{store: s, tx: tx, device: a.req.Device, user: a.req.User}, states[i], a.req)
			}
			close(a.done)
			answered++
		}
		return nil
	})
}

// barred are those of the devices that did not ask and may not read.
func (s *Store) barred(ctx context.Context, tx *Tx, group []*asked) (map[change.Device]bool, error) {
	var devices []change.Device
	for _, a := range group {
		if a.unasked {
			devices = append(devices, a.req.Device)
		}
	}
	if len(devices) == 0 || s.MayRead == nil {
		return nil, nil
	}
	may, err := s.MayRead(ctx, tx, devices)
	if err != nil {
		return nil, err
	}
	out := map[change.Device]bool{}
	for _, d := range devices {
		if !may[d] {
			out[d] = true
		}
	}
	return out, nil
}

// answer is feed.Answer on a goroutine that nobody else looks after.
func answer(ctx context.Context, s feed.Snapshot, state feed.State, req feed.Request) (page feed.Page, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return feed.Answer(ctx, s, state, req)
}
