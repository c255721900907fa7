package offline

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"time"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Several programs may work on one folder: SQLite lets each save what is done in it. What must not be done by two at
// once has a lock file: a round with the server, and renewing the tokens, for a refresh token that is used twice ends
// the login.
const (
	turnSync    = "sync.lock"
	turnRefresh = "refresh.lock"
)

// turnEvery is how often a program that waits for its turn looks.
const turnEvery = 20 * time.Millisecond

// turn is a mutex that also keeps other programs on the same folder out.
type turn struct{ in sync.Mutex }

// take waits until it is this caller's turn. When ctx ends before, another program goes on with its own: StoreLocked.
// So does the caller, when enough tells, between looks, that there is nothing left to do; nil means never.
func (t *turn) take(ctx context.Context, s *Store, name string, enough func() bool) (end func(), err error) {
	t.in.Lock()
	look := time.NewTicker(turnEvery)
	defer look.Stop()
	for {
		end, err := t.alone(s, name)
		if CodeOf(err) != fault.StoreLocked {
			return end, err
		}
		select {
		case <-ctx.Done():
			t.in.Unlock()
			return nil, fault.Wrap(ctx.Err(), fault.StoreLocked, "")
		case <-look.C:
		}
		if enough != nil && enough() {
			t.in.Unlock()
			return nil, errDoneElsewhere
		}
	}
}

// errDoneElsewhere says that another program did meanwhile what the caller wanted its turn for.
var errDoneElsewhere = errors.New("offline: another program has done it")

// try takes the turn if nobody has it.
func (t *turn) try(s *Store, name string) (end func(), ok bool) {
	if !t.in.TryLock() {
		return nil, false
	}
	end, err := t.alone(s, name)
	if err != nil && CodeOf(err) == fault.StoreLocked {
		t.in.Unlock()
	}
	return end, err == nil
}

// alone keeps other programs out; the mutex is held, and given back with every error but StoreLocked.
func (t *turn) alone(s *Store, name string) (end func(), err error) {
	unlock, err := lock(filepath.Join(s.Dir, name), false)
	if err != nil {
		if CodeOf(err) != fault.StoreLocked {
			t.in.Unlock()
		}
		return nil, err
	}
	return func() {
		_ = unlock() // the lock goes with the file's closing, whatever that says
		t.in.Unlock()
	}, nil
}

// othersEvery is how often a program that stays connected looks for what another one saved in the folder.
const othersEvery = time.Second

// watchOthers wakes this program when another one on the same folder has done something or moved the switch between
// offline and online, until ctx ends.
func (s *Store) watchOthers(ctx context.Context) {
	look := time.NewTicker(othersEvery)
	defer look.Stop()
	var was others
	if now, err := s.others(ctx); err == nil {
		was = now
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		// What cannot be read now is read at the next look.
		now, err := s.others(ctx)
		if err != nil || now == was {
			continue
		}
		if now.offline != was.offline || now.last > was.last && now.last > s.lastOwn.Load() {
			s.nudge()
		}
		was = now
	}
}

// others is what shows that another program has done something.
type others struct {
	// last is the newest row of the outbox.
	last    int64
	offline bool
}

func (s *Store) others(ctx context.Context) (o others, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT (SELECT coalesce(max(n), 0) FROM outbox), EXISTS (SELECT 1 FROM meta
		WHERE key = 'offline' AND length(value) > 0)`).
		Scan(&o.last, &o.offline)
	return o, err
}
