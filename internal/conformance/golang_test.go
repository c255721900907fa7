package main

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/clientgen/golang/field"
	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	"github.com/doorstep-dev/doorstep/internal/conformance/harness"
	"github.com/doorstep-dev/doorstep/sync/conformance"
	"github.com/doorstep-dev/doorstep/sync/synctest"
)

// golang is the Go client.
type golang struct {
	*offline.Client
	t     *testing.T
	dir   string
	ahead atomic.Int64
}

func newGolang(t *testing.T, _ harness.Welcome, p conformance.Phone) phone {
	t.Helper()
	g := &golang{t: t, dir: t.TempDir()}
	network := &http.Transport{DisableKeepAlives: true} // a fault meets one call, not a pool of connections
	g.Client = &offline.Client{HTTP: &http.Client{Transport: network}, PageBytes: p.PageBytes}
	g.Sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() } // no wait in tests
	g.open()
	t.Cleanup(func() {
		if err := g.Store.Close(); err != nil {
			t.Error(err)
		}
	})
	return g
}

func (g *golang) open() {
	g.t.Helper()
	var err error
	g.Store, err = offline.Open(context.WithoutCancel(g.t.Context()), offline.Options{
		Dir: g.dir, Now: func() time.Time { return time.Now().Add(time.Duration(g.ahead.Load())) },
		Effects: map[string]offline.Effect{"add": countUp, "pair": countUp}, FeedOrder: []string{"tech"}, Keys: field.ReceiptKeys,
	})
	if err != nil {
		g.t.Fatal(err)
	}
}

// countUp is the optimistic effect of add and pair.
func countUp(v *offline.View, m offline.Mutation) []offline.Change {
	var a synctest.Args
	if json.Unmarshal(m.Args, &a) != nil {
		return nil
	}
	var out []offline.Change
	for _, id := range []uuid.UUID{a.Item, a.Other} {
		e := offline.Entity{Kind: offline.Kind(synctest.ItemKind), ID: id}
		body, ok := v.Get(e)
		var i synctest.Item
		if !ok || json.Unmarshal(body, &i) != nil {
			continue
		}
		i.Count++
		if body, err := json.Marshal(i); err == nil {
			out = append(out, offline.Change{Entity: e, Body: body})
		}
	}
	return out
}

func (g *golang) enrol(url, code string) string {
	_, err := g.Enrol(g.t.Context(), url, code)
	return g.code(err)
}

func (g *golang) code(err error) string {
	if err == nil {
		return ""
	}
	return string(offline.CodeOf(err))
}

func (g *golang) check(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

func (g *golang) act(kind string, args []byte) {
	g.t.Helper()
	_, err := g.Store.Do(g.t.Context(), kind, args)
	g.check(err)
}

func (g *golang) sync() string {
	_, err := g.Sync(g.t.Context())
	return g.code(err)
}

func (g *golang) offline(on bool) { g.check(g.Store.SetOffline(g.t.Context(), on)) }

func (g *golang) restart() {
	g.t.Helper()
	g.check(g.Store.Close())
	g.open()
}

func (g *golang) clock(ahead time.Duration) { g.ahead.Store(int64(ahead)) }

func (g *golang) logout() string { return g.code(g.Store.Logout(g.t.Context())) }

func (g *golang) live() {
	ctx, cancel := context.WithCancel(g.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = g.Run(ctx, nil, func(offline.Event) {}) // ends with the test
	}()
	g.t.Cleanup(func() { cancel(); <-ended })
}

func (g *golang) shows() (map[uuid.UUID]int, bool) {
	g.t.Helper()
	out := map[uuid.UUID]int{}
	g.check(g.Store.Read(g.t.Context(), func(v *offline.View) error {
		for _, e := range v.List(offline.Kind(synctest.ItemKind)) {
			var i synctest.Item
			if json.Unmarshal(e.Body, &i) == nil {
				out[e.ID] = i.Count
			}
		}
		return nil
	}))
	d, err := g.Store.Device(g.t.Context())
	g.check(err)
	return out, d.Early
}

func (g *golang) unsent() int {
	g.t.Helper()
	u, err := g.Store.Unsent(g.t.Context())
	g.check(err)
	return u.Mutations
}

func (g *golang) verdicts() []string {
	g.t.Helper()
	d, err := g.Store.Device(g.t.Context())
	g.check(err)
	all, err := g.Store.Actions(g.t.Context())
	g.check(err)
	var out []string
	g.check(g.Store.Read(g.t.Context(), func(v *offline.View) error {
		for _, a := range all {
			if a.Verdict != nil && v.CheckReceipt(d.Org, a) != offline.ReceiptGood {
				g.t.Errorf("the receipt of %d does not hold", a.Seq)
			}
			out = append(out, said(a.Verdict.GetOutcome().String(), a.Verdict.GetCode()))
		}
		return nil
	}))
	return out
}

// said is a verdict as scenarios write it.
func said(outcome, code string) string {
	outcome = strings.ToLower(strings.TrimPrefix(outcome, "OUTCOME_"))
	if outcome == "unspecified" {
		return ""
	}
	return strings.TrimSpace(outcome + " " + code)
}
