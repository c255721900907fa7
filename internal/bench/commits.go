package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/load"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/intake"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// ledger is when each change was committed, by the server's clock, which is the machine's and so also the load's.
type ledger struct {
	mu   sync.Mutex
	rows []byte
}

func (l *ledger) committed(mark uuid.UUID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rows = binary.BigEndian.AppendUint64(append(l.rows, mark[:]...), uint64(time.Now().UnixNano()))
}

// ServeHTTP hands the rows out and forgets them.
func (l *ledger) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	l.mu.Lock()
	rows := l.rows
	l.rows = nil
	l.mu.Unlock()
	_, _ = w.Write(rows) // who asked and went away asks again
}

const ledgerPath = "/bench/commits"

// commits asks a bench server for its ledger.
func commits(ctx context.Context, url string) (map[load.Mark]time.Time, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+ledgerPath, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	rows, err := io.ReadAll(res.Body)
	if err != nil || len(rows)%24 != 0 {
		return nil, fmt.Errorf("ledger: %d bytes, %w", len(rows), err)
	}
	out := make(map[load.Mark]time.Time, len(rows)/24)
	for ; len(rows) > 0; rows = rows[24:] {
		out[uuid.UUID(rows[:16])] = time.Unix(0, int64(binary.BigEndian.Uint64(rows[16:])))
	}
	return out, nil
}

// place is a change that somebody makes for somebody else, as a dispatcher does: its arguments are the feed's key,
// the id of the new entity, which is the change's mark, and the body.
func (l *ledger) place(kind string) intake.Mutator[*postgres.Tx] {
	return func(_ context.Context, tx *postgres.Tx, m change.Mutation) (intake.Result, error) {
		if len(m.Args) < 32 {
			return intake.Result{}, fmt.Errorf("%d bytes of arguments", len(m.Args))
		}
		mark := uuid.UUID(m.Args[16:32])
		tx.Place(1, mark, feed.Placement{Feed: change.FeedID{Kind: kind, Key: uuid.UUID(m.Args[:16])}, Body: m.Args[32:]})
		tx.AfterCommit(func() { l.committed(mark) })
		return intake.Done(), nil
	}
}
