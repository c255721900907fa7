package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/intake"
	"github.com/doorstep-dev/doorstep/sync/postgres"
	"github.com/doorstep-dev/doorstep/sync/synctest"
)

// Step is one order to the harness. Steps for a phone do not come here.
type Step struct {
	// Office or Network is the order; the other is empty.
	Office  string `json:"office,omitempty"`
	Network string `json:"network,omitempty"`

	Item  string   `json:"item,omitempty"`
	Items []string `json:"items,omitempty"`
	// To and User are names of users; To may be "team", for the team's feed, or empty, for nobody.
	To    string `json:"to,omitempty"`
	User  string `json:"user,omitempty"`
	Count int    `json:"count,omitempty"`
	// Is is what a count must be.
	Is *int `json:"is,omitempty"`
	// Kinds are those of the parked mutations, oldest first, or those to retire.
	Kinds []string `json:"kinds,omitempty"`
	// Text is what a label says.
	Text string `json:"text,omitempty"`
	// Outcome of a replay, as in verdicts.
	Outcome string `json:"outcome,omitempty"`
	// By is a span such as 1h or 200h.
	By string `json:"by,omitempty"`
	// Declared says that a restore is told with `doorstep admin restored`.
	Declared bool `json:"declared,omitempty"`

	// Of is the method of the calls that a fault meets; all when empty. After calls go through first, then Times are
	// met; 0 is for ever.
	Of      string `json:"of,omitempty"`
	After   int    `json:"after,omitempty"`
	Times   int    `json:"times,omitempty"`
	AtMost  *int   `json:"at_most,omitempty"`
	AtLeast *int   `json:"at_least,omitempty"`
	Status  int    `json:"status,omitempty"`
	Then    []Step `json:"then,omitempty"`
	Comment string `json:"comment,omitempty"`
}

// do carries an order out.
func (w *world) do(ctx context.Context, s Step) (Done, error) {
	if s.Network != "" {
		return Done{}, w.network.do(ctx, s)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	orders := map[string]func(context.Context, Step) error{
		"give": w.give, "give_many": w.giveMany, "set": w.set, "pair": w.pair, "count": w.count, "smuggle": w.smuggle,
		"label": w.label, "uploaded": w.uploaded,
		"parked": w.parked, "replay": w.replay, "revoke": w.revoke, "team": w.joinTeam, "collect": w.collect,
		"clock": w.advance, "restart": w.restart, "backup": w.keepBackup, "restore": w.restore, "retire": w.retire,
	}
	if s.Office == "code" {
		code, _, err := w.app.Rooms.Account.NewCode(ctx, w.org.ID, w.users[s.User].ID)
		return Done{Code: code}, err
	}
	order, ok := orders[s.Office]
	if !ok {
		return Done{}, fmt.Errorf("no order %q", s.Office)
	}
	return Done{}, order(ctx, s)
}

func (w *world) item(name string) (uuid.UUID, error) {
	id, ok := w.items[name]
	if !ok {
		return id, fmt.Errorf("no item %q", name)
	}
	return id, nil
}

// give hands an item to somebody, to the team, or to nobody.
func (w *world) give(ctx context.Context, s Step) error {
	id, err := w.item(s.Item)
	if err != nil {
		return err
	}
	return w.office(ctx, func(tx *postgres.Tx) error { return w.hand(ctx, tx, id, s.To) })
}

func (w *world) hand(ctx context.Context, tx *postgres.Tx, id uuid.UUID, to string) error {
	var also []change.FeedID
	holder := uuid.Nil
	switch u, ok := w.users[to]; {
	case ok:
		holder = u.ID
	case to == "team":
		also = append(also, change.FeedID{Kind: "team", Key: w.team.ID})
	case to != "":
		return fmt.Errorf("no user %q", to)
	}
	return synctest.Change(ctx, toys{}, tx, id, func(i *synctest.Item) { i.Holder = holder }, also...)
}

// giveMany gives somebody so many new items without names.
func (w *world) giveMany(ctx context.Context, s Step) error {
	return w.office(ctx, func(tx *postgres.Tx) error {
		for range s.Count {
			if err := w.hand(ctx, tx, uuid.Must(uuid.NewV7()), s.To); err != nil {
				return err
			}
		}
		return nil
	})
}

// set changes what the office has counted.
func (w *world) set(ctx context.Context, s Step) error {
	id, err := w.item(s.Item)
	if err != nil {
		return err
	}
	return w.office(ctx, func(tx *postgres.Tx) error {
		return synctest.Change(ctx, toys{}, tx, id, func(i *synctest.Item) { i.Count = s.Count })
	})
}

// pair counts two items up in one transaction: the first in its holder's feed, the second in the team's.
func (w *world) pair(ctx context.Context, s Step) error {
	if len(s.Items) != 2 {
		return fmt.Errorf("a pair is two items")
	}
	first, err := w.item(s.Items[0])
	if err != nil {
		return err
	}
	second, err := w.item(s.Items[1])
	if err != nil {
		return err
	}
	up := func(i *synctest.Item) { i.Count++ }
	return w.office(ctx, func(tx *postgres.Tx) error {
		if err := synctest.Change(ctx, toys{}, tx, first, up); err != nil {
			return err
		}
		return synctest.Change(ctx, toys{}, tx, second, up, change.FeedID{Kind: "team", Key: w.team.ID})
	})
}

// labelKind is an entity of which only the next version of the app knows.
const labelKind change.Kind = 9

// label sticks a text to an item, for one user. Old apps do not know what that is.
func (w *world) label(ctx context.Context, s Step) error {
	id, err := w.item(s.Item)
	if err != nil {
		return err
	}
	user, ok := w.users[s.To]
	if !ok {
		return fmt.Errorf("no user %q", s.To)
	}
	body, err := json.Marshal(map[string]string{"id": id.String(), "text": s.Text})
	if err != nil {
		return err
	}
	return w.office(ctx, func(tx *postgres.Tx) error {
		tx.Place(labelKind, id, feed.Placement{Feed: synctest.FeedOf(user.ID), Body: body})
		return nil
	})
}

// count asserts what the office has counted.
func (w *world) count(ctx context.Context, s Step) error {
	id, err := w.item(s.Item)
	if err != nil {
		return err
	}
	return w.office(ctx, func(tx *postgres.Tx) error {
		i, err := toys{}.Item(ctx, tx, id)
		if err == nil && (s.Is == nil || i.Count != *s.Is) {
			err = fmt.Errorf("the office has counted %d of %s", i.Count, s.Item)
		}
		return err
	})
}

// smuggle puts an item into somebody's feed at a sequence that their phones have passed, as a fault in the server
// would: only the digest can tell. The feed must have a free sequence, as every feed has where an item was changed.
func (w *world) smuggle(ctx context.Context, s Step) error {
	id, err := w.item(s.Item)
	if err != nil {
		return err
	}
	f := synctest.FeedOf(w.users[s.To].ID)
	e := change.Entity{Kind: synctest.ItemKind, ID: id}
	body := fmt.Appendf(nil, `{"id":%q,"holder":%q,"count":%d,"version":1}`, id, w.users[s.To].ID, s.Count)
	return w.office(ctx, func(tx *postgres.Tx) error {
		var seq change.Seq
		err := tx.QueryRow(ctx, `SELECT min(n)
			FROM generate_series(1, (SELECT seq FROM sync_feed WHERE org_id = $1 AND feed = $2)) n
			WHERE n NOT IN (SELECT seq FROM sync_entry WHERE org_id = $1 AND feed = $2)`, tx.OrgID(), f.String()).Scan(&seq)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO sync_entry (org_id, feed, kind, entity_id, seq, removed, body, at)
			VALUES ($1, $2, $3, $4, $5, false, $6, $7)`, tx.OrgID(), f.String(), int32(e.Kind), id, int64(seq), body,
			tx.Now()); err != nil {
			return err
		}
		var digest int64
		if err := tx.QueryRow(ctx, `SELECT digest FROM sync_feed WHERE org_id = $1 AND feed = $2
			FOR UPDATE`, tx.OrgID(), f.String()).Scan(&digest); err != nil {
			return err
		}
		digest = int64(uint64(digest) + uint64(change.DigestOf(e, seq)))
		_, err = tx.Exec(ctx, `UPDATE sync_feed SET digest = $3, live = live + 1, bytes = bytes + $4
			WHERE org_id = $1 AND feed = $2`,
			tx.OrgID(), f.String(), digest, len(body))
		return err
	})
}

// parked asserts which mutations wait for a person.
func (w *world) parked(ctx context.Context, s Step) error {
	var kinds []string
	err := w.office(ctx, func(tx *postgres.Tx) error {
		kinds = nil
		found, err := tx.ListParked(ctx, postgres.ParkedFilter{}, 100)
		for _, p := range found {
			kinds = append(kinds, p.Mutation.Kind)
		}
		return err
	})
	if err == nil && !slices.Equal(kinds, s.Kinds) {
		err = fmt.Errorf("parked: %v", kinds)
	}
	return err
}

// replay edits the oldest parked mutation so that it is about the item, and lets it run again.
func (w *world) replay(ctx context.Context, s Step) error {
	id, err := w.item(s.Item)
	if err != nil {
		return err
	}
	r := w.app.Rooms
	var result intake.Result
	err = w.office(ctx, func(tx *postgres.Tx) error {
		found, err := tx.ListParked(ctx, postgres.ParkedFilter{}, 1)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return fmt.Errorf("nothing is parked")
		}
		m := found[0].Mutation
		result, _, err = tx.ReplayParked(ctx, r.Intake, m.ID, synctest.Args{Item: id}.Encode(), m.User)
		return err
	})
	if err == nil && result.Outcome.String() != s.Outcome {
		err = fmt.Errorf("the replay is %s %s", result.Outcome, result.Code)
	}
	return err
}

// revoke takes all devices of a user out of service.
func (w *world) revoke(ctx context.Context, s Step) error {
	r, user := w.app.Rooms.Account, w.users[s.User].ID
	var ids []uuid.UUID
	err := w.office(ctx, func(tx *postgres.Tx) error {
		ids = nil
		all, err := r.Devices(ctx, tx)
		for _, d := range all {
			if uuid.UUID(d.UserId) == user {
				ids = append(ids, uuid.UUID(d.Id))
			}
		}
		return err
	})
	for _, id := range ids {
		if err == nil {
			err = r.RevokeDevice(ctx, w.org.ID, id, nil)
		}
	}
	return err
}

// joinTeam makes a user a member of the team, or of none when To is empty.
func (w *world) joinTeam(ctx context.Context, s Step) error {
	r := w.app.Rooms.Account
	return w.office(ctx, func(tx *postgres.Tx) error {
		u := w.users[s.User]
		t := *u.Technician
		if t.Teams = nil; s.To == "team" {
			t.Teams = []uuid.UUID{w.team.ID}
		}
		u.Technician = &t
		put, err := r.PutUser(ctx, tx, u, "")
		w.users[s.User] = put
		return err
	})
}

// collect forgets all tombstones.
func (w *world) collect(ctx context.Context, _ Step) error {
	_, err := w.app.Rooms.Store.Collect(ctx, change.Org(w.org.ID), w.clock.Now().Add(time.Hour))
	return err
}

// advance moves the office's clock.
func (w *world) advance(_ context.Context, s Step) error {
	d, err := time.ParseDuration(s.By)
	w.clock.mu.Lock()
	defer w.clock.mu.Unlock()
	w.clock.add += d
	return err
}

// retire is an upgrade of the server, which takes these kinds from no app any more.
func (w *world) retire(ctx context.Context, s Step) error {
	if err := w.stop(ctx); err != nil {
		return err
	}
	for _, kind := range s.Kinds {
		w.config.Retired[kind] = true
	}
	return w.start(ctx)
}

func (w *world) restart(ctx context.Context, _ Step) error {
	if err := w.stop(ctx); err != nil {
		return err
	}
	return w.start(ctx)
}

// keepBackup copies the database while the server is down for a moment.
func (w *world) keepBackup(ctx context.Context, _ Step) error {
	if err := w.stop(ctx); err != nil {
		return err
	}
	w.backup = w.database + "_backup"
	if err := w.sql(ctx, "CREATE DATABASE "+w.backup+" TEMPLATE "+w.database); err != nil {
		return err
	}
	return w.start(ctx)
}

// restore puts the backup in the place of the database.
func (w *world) restore(ctx context.Context, s Step) error {
	if err := w.stop(ctx); err != nil {
		return err
	}
	for _, statement := range []string{"DROP DATABASE " + w.database + " WITH (FORCE)", "CREATE DATABASE " + w.database +
		" TEMPLATE " + w.backup} {
		if err := w.sql(ctx, statement); err != nil {
			return err
		}
	}
	if s.Declared {
		owner, err := pgx.Connect(ctx, withDatabase(w.admin, w.database))
		if err != nil {
			return err
		}
		if err := errors.Join(postgres.NewGeneration(ctx, owner, w.clock.Now()), owner.Close(ctx)); err != nil {
			return err
		}
	}
	return w.start(ctx)
}
