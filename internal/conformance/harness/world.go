package harness

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/app"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/proof"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/postgres"
	"github.com/doorstep-dev/doorstep/sync/synctest"
)

// world is one server on a database of its own, behind a network of its own.
type world struct {
	admin, database string
	config          app.Config
	network         *network
	// proofs is the real room of photos, which asks the toy trade where it would ask for a ticket.
	proofs atomic.Pointer[proof.Proofs]

	mu     sync.Mutex // one order at a time
	clock  clock
	app    *app.App
	org    account.Org
	team   account.Place
	users  map[string]account.User
	items  map[string]uuid.UUID
	backup string
}

// clock is real time plus what a scenario adds.
type clock struct {
	mu  sync.Mutex
	add time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.add)
}

func newWorld(
	ctx context.Context, admin, server, template string, store app.Objects, s Setup,
) (_ *world, _ Welcome, err error) {
	w := &world{
		admin: admin, database: "conformance_" + strings.ReplaceAll(uuid.NewString(), "-", ""),
		users: map[string]account.User{}, items: map[string]uuid.UUID{},
	}
	if w.network, err = newNetwork(store.Endpoint, func(ctx context.Context, s Step) error {
		_, err := w.do(ctx, s)
		return err
	}); err != nil {
		return nil, Welcome{}, err
	}
	defer func() {
		if err != nil {
			w.close(ctx)
		}
	}()
	if err := w.sql(ctx, "CREATE DATABASE "+w.database+" TEMPLATE "+pgx.Identifier{template}.Sanitize()); err != nil {
		return nil, Welcome{}, err
	}
	if err := w.toys(ctx); err != nil {
		return nil, Welcome{}, err
	}
	store.Bucket, store.PublicEndpoint = strings.ReplaceAll(w.database, "_", "-"), w.network.shelf.URL
	mutators := synctest.Mutators[*postgres.Tx](toys{})
	mutators["attach"] = w.attach(mutators["add"])
	w.config = app.Config{
		DatabaseURL: withDatabase(server, w.database), DatabasePool: 6, Listen: "127.0.0.1:0", Secret: account.NewSecret(),
		Now:   w.clock.Now,
		Argon: account.Argon{MemoryKiB: 64, Passes: 1, Lanes: 1}, WithoutJobs: true,
		Objects: store, Early: w.early, ProofTickets: toyTickets{}, Mutators: mutators, Retired: map[string]bool{},
		BackupDays: s.Server.KeepDays,
		Origins:    []string{"*"}, // pages of tests
	}
	for _, kind := range s.Server.Retired {
		w.config.Retired[kind] = true
	}
	if err := w.start(ctx); err != nil {
		return nil, Welcome{}, err
	}
	if err := w.fill(ctx, s); err != nil {
		return nil, Welcome{}, err
	}
	welcome := Welcome{
		ID: w.database, URL: w.network.front.URL, Org: w.org.ID, Users: map[string]uuid.UUID{},
		Items: w.items,
	}
	for name, u := range w.users {
		welcome.Users[name] = u.ID
	}
	return w, welcome, nil
}

func (w *world) start(ctx context.Context) (err error) {
	if w.app, err = app.Start(ctx, w.config); err != nil {
		return err
	}
	if err := w.photos(ctx, w.app.Rooms.Proof); err != nil {
		return err
	}
	return w.network.target(w.app.URL())
}

func (w *world) stop(ctx context.Context) error {
	if w.app == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	err := w.app.Close(ctx)
	w.app = nil
	return err
}

func (w *world) close(ctx context.Context) {
	w.network.close()
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.stop(ctx) // the world ends
	for _, name := range []string{w.database, w.backup} {
		if name != "" {
			_ = w.sql(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)") // left over at worst
		}
	}
}

// early says that the items with names are needed first, as a real company's jobs of today, and the keys of receipts.
func (w *world) early(context.Context, *postgres.Tx, identity.Identity) (feed.Wanted, error) {
	wanted := feed.Wanted{Kinds: []change.Kind{6}}
	for _, id := range w.items {
		wanted.Groups = append(wanted.Groups, []change.Entity{{Kind: synctest.ItemKind, ID: id}})
	}
	return wanted, nil
}

// fill makes the company, its people and the names of the items.
func (w *world) fill(ctx context.Context, s Setup) (err error) {
	r := w.app.Rooms.Account
	if w.org, err = r.CreateOrg(ctx,
		account.Org{Slug: "toys", NameZH: "玩具", NameEN: "Toys", Zone: time.UTC, Currency: "CNY"}); err != nil {
		return err
	}
	for _, name := range s.Items {
		w.items[name] = uuid.Must(uuid.NewV7())
	}
	return w.office(ctx, func(tx *postgres.Tx) error {
		if _, err := r.PutUser(ctx, tx, account.User{
			Login: "office", NameZH: "办公室", Grants: []identity.Grant{{Role: identity.Admin, Scope: identity.ScopeOrg}},
		}, "correct horse battery"); err != nil {
			return err
		}
		region, err := r.PutPlace(ctx, tx, account.Place{Kind: identity.ScopeRegion, NameZH: "华北"})
		if err != nil {
			return err
		}
		if w.team, err = r.PutPlace(ctx, tx, account.Place{Kind: identity.ScopeTeam, NameZH: "一组", Region: region.ID}); err !=
			nil {
			return err
		}
		for _, name := range s.Users {
			u, err := r.PutUser(ctx, tx, account.User{
				Login: name, NameZH: name, Grants: []identity.Grant{{Role: identity.Technician, Scope: identity.ScopeSelf}},
				Technician: &account.Technician{Badge: name, Region: region.ID, Teams: []uuid.UUID{w.team.ID}, DailyCapacity: 6},
			}, "correct horse battery")
			if err != nil {
				return err
			}
			w.users[name] = u
		}
		return nil
	})
}

func (w *world) office(ctx context.Context, fn func(tx *postgres.Tx) error) error {
	return w.app.Rooms.Store.Transact(ctx, change.Org(w.org.ID), fn)
}

// sql runs a statement beside the worlds' databases.
func (w *world) sql(ctx context.Context, statement string) error {
	c, err := pgx.Connect(ctx, w.admin)
	if err != nil {
		return err
	}
	_, err = c.Exec(ctx, statement)
	return errors.Join(err, c.Close(ctx))
}

// own runs a statement in the world's database as its owner, for whom row-level security does not hold.
func (w *world) own(ctx context.Context, statement string, args ...any) error {
	c, err := pgx.Connect(ctx, withDatabase(w.admin, w.database))
	if err != nil {
		return err
	}
	_, err = c.Exec(ctx, statement, args...)
	return errors.Join(err, c.Close(ctx))
}

func withDatabase(raw, name string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	u.Path = "/" + name
	return u.String()
}
