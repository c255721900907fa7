package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
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
	// version of the app: the second knows labels.
	version int
}

func newGolang(t *testing.T, _ harness.Welcome, p conformance.Phone, beside phone) phone {
	t.Helper()
	g := &golang{t: t, dir: t.TempDir(), version: 1}
	if first, ok := beside.(*golang); ok {
		g.dir = first.dir
	}
	network := &http.Transport{DisableKeepAlives: true} // a fault meets one call, not a pool of connections
	g.Client = &offline.Client{HTTP: &http.Client{Transport: network}, PageBytes: p.PageBytes}
	g.Sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() } // no wait in tests
	g.Uploads = field.Uploads{Client: g.Client}
	if beside == nil {
		g.must(g.open())
	}
	t.Cleanup(g.close)
	return g
}

func (g *golang) must(code string) {
	g.t.Helper()
	if code != "" {
		g.t.Fatal(code)
	}
}

func (g *golang) open() string {
	s, err := offline.Open(context.WithoutCancel(g.t.Context()), offline.Options{
		Dir: g.dir, Now: func() time.Time { return time.Now().Add(time.Duration(g.ahead.Load())) },
		Effects: map[string]offline.Effect{"add": countUp, "pair": countUp, "attach": countUp}, FeedOrder: []string{"tech"},
		Keys: field.ReceiptKeys,
	})
	if err == nil {
		g.Store = s
	}
	return g.code(err)
}

func (g *golang) close() {
	g.t.Helper()
	if g.Store != nil {
		g.check(g.Store.Close())
	}
	g.Store = nil
}

// countUp is the optimistic effect of add, pair and attach.
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
	g.close()
	g.must(g.open())
}

// upgrade finds the store as the first version of the app left it.
func (g *golang) upgrade() {
	g.t.Helper()
	g.close()
	g.check(downgrade(g.t.Context(), g.dir))
	g.version = 2
	g.must(g.open())
}

// downgrade makes the store anew with the statements of its version 1, frozen in the client's tests, and fills it with
// what that version kept. It names no later column, so that a new version of the store needs no change here.
func downgrade(ctx context.Context, dir string) error {
	frozen, err := os.ReadFile(filepath.Join("..", "..", "clientgen", "golang", "offline", "testdata", "store-1.sql"))
	if err != nil {
		return err
	}
	statements, _, _ := strings.Cut(string(frozen), "INSERT INTO meta")
	path, newer := filepath.Join(dir, "store.db"), filepath.Join(dir, "newer.db")
	if err := os.Rename(path, newer); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1) // ATTACH is the connection's own
	_, err = db.ExecContext(ctx, statements+`ATTACH `+"'"+newer+"'"+` AS newer`)
	return errors.Join(err, copyTables(ctx, db), db.Close(), os.Remove(newer))
}

// copyTables copies every table of main from newer, column by column that main has.
func copyTables(ctx context.Context, db *sql.DB) error {
	rows, err := db.QueryContext(ctx, `SELECT m.name, group_concat(c.name, ', ')
		FROM main.sqlite_schema m, pragma_table_info(m.name, 'main') c
		WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' GROUP BY m.name`)
	if err != nil {
		return err
	}
	var copies []string
	for rows.Next() {
		var table, columns string
		if err := rows.Scan(&table, &columns); err != nil {
			return errors.Join(err, rows.Close())
		}
		copies = append(copies, fmt.Sprintf(`INSERT INTO main.%s (%s) SELECT %[2]s FROM newer.%[1]s`, table, columns))
	}
	if err := rows.Err(); err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, strings.Join(copies, ";"))
	return err
}

func (g *golang) labels() map[uuid.UUID]string {
	g.t.Helper()
	out := map[uuid.UUID]string{}
	if g.version < 2 {
		return out
	}
	g.check(g.Store.Read(g.t.Context(), func(v *offline.View) error {
		for _, e := range v.List(9) {
			var label struct{ Text string }
			if json.Unmarshal(e.Body, &label) == nil {
				out[e.ID] = label.Text
			}
		}
		return nil
	}))
	return out
}

func (g *golang) reword(kind string) string {
	g.t.Helper()
	waiting, err := g.Store.Waiting(g.t.Context())
	g.check(err)
	if len(waiting) == 0 {
		g.t.Fatal("nothing waits")
	}
	return g.code(g.Store.Reword(g.t.Context(), waiting[0].ID, kind, waiting[0].Args))
}

func (g *golang) attach(item uuid.UUID, photo []byte) {
	g.t.Helper()
	kept, err := g.Store.Keep(g.t.Context(), bytes.NewReader(photo), "image/jpeg")
	g.check(err)
	args, err := json.Marshal(map[string]any{
		"item": item, "file": kept.ID, "sha256": kept.SHA256, "size": kept.Size,
		"media": kept.Media,
	})
	g.check(err)
	_, err = g.Store.Do(g.t.Context(), "attach", args, kept)
	g.check(err)
}

func (g *golang) files() []string {
	g.t.Helper()
	all, err := g.Store.Files(g.t.Context())
	g.check(err)
	slices.SortFunc(all, func(a, b offline.File) int { return bytes.Compare(a.ID[:], b.ID[:]) }) // as they were attached
	words := map[offline.FileState]string{
		offline.FileWaiting: "waiting", offline.FileHeld: "held", offline.FileDone: "done", offline.FileRefused: "refused",
	}
	var out []string
	for _, f := range all {
		word := words[f.State]
		if f.State == offline.FileRefused {
			word += " " + f.Code
		}
		out = append(out, word)
	}
	return out
}

const passphrase = "three cats, one door"

func (g *golang) export() []byte {
	g.t.Helper()
	var b bytes.Buffer
	_, err := g.Store.Export(g.t.Context(), &b, passphrase)
	g.check(err)
	return b.Bytes()
}

func (g *golang) take(box []byte) string {
	_, err := g.Store.Import(g.t.Context(), bytes.NewReader(box), passphrase)
	return g.code(err)
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
