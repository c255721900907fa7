package main

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"os"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/load"
	"github.com/doorstep-dev/doorstep/server/local/child"
	"github.com/doorstep-dev/doorstep/sync/change"
)

const loadChild = "bench-load"

// loading is one run of load in a process of its own.
type loading struct {
	URL    string        `json:"url"`
	Phones int           `json:"phones"`
	Storm  bool          `json:"storm"`
	Shared bool          `json:"shared"`
	Rate   float64       `json:"rate"`
	Batch  int           `json:"batch"`
	Count  int           `json:"count"`
	Length time.Duration `json:"length"`
	// Due measures changes from when they were due to be pushed instead of from their commit.
	Due bool `json:"due"`
}

// writers is how many of the phones make the changes.
const writers = 8

func init() {
	child.Register(loadChild, func(ctx context.Context, raw json.RawMessage, ready func(any) error) error {
		var l loading
		if err := json.Unmarshal(raw, &l); err != nil {
			return err
		}
		s, err := l.run(ctx)
		if err != nil {
			return err
		}
		return ready(s)
	})
}

func (l loading) run(ctx context.Context) (load.Summary, error) {
	c := load.Config{
		URL: l.URL, Storm: l.Storm, Rate: l.Rate, Batch: l.Batch, Count: l.Count, Length: l.Length, Pushers: writers,
		Trade: load.Nothing{},
	}
	if !l.Storm {
		c.Trade = dispatch{phones: l.Phones, shared: l.Shared}
	}
	if !l.Storm && !l.Due {
		c.Committed = func(ctx context.Context) (map[load.Mark]time.Time, error) { return commits(ctx, l.URL) }
	}
	for n := range l.Phones {
		id := phoneID(n)
		token, expires, err := account.SignAccess(benchRing,
			account.Bearer{Org: uuid.UUID(benchOrg), User: id, Family: id, Device: true}, time.Now())
		if err != nil {
			return load.Summary{}, err
		}
		c.Logins = append(c.Logins, load.Login{User: id, Device: id, Access: token, Expires: expires})
	}
	s, _, err := load.Run(ctx, c)
	return s, err
}

// load runs it and returns what the phones met.
func (b *bench) load(l loading) (load.Summary, error) {
	var s load.Summary
	p, err := child.Start(b.ctx, loadChild, l, &s, child.Options{Stderr: os.Stderr})
	if err != nil {
		return s, err
	}
	return s, p.Stop(b.ctx)
}

// dispatch is a trade in which a few phones change what others hold, as an office does.
type dispatch struct {
	phones int
	shared bool
}

// Keep implements load.Trade.
func (dispatch) Keep(string, change.Kind) bool { return true }

// Arrive implements load.Trade: each change is an entity of its own.
func (dispatch) Arrive(_ *load.Phone, e load.Entry) (load.Mark, bool) { return e.ID, true }

// Next implements load.Trade.
func (d dispatch) Next(_ *load.Phone, n int) (out []load.Mutation) {
	for range n {
		m := load.Mutation{Kind: "bench.place", Mark: uuid.New(), Witnesses: 1}
		key := phoneID(rand.IntN(d.phones))
		if d.shared {
			m.Kind, key, m.Witnesses = "bench.share", benchTeam.Key, d.phones
		}
		m.Args = append(append(append(m.Args, key[:]...), m.Mark[:]...), body...)
		out = append(out, m)
	}
	return out
}
