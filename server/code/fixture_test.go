package code_test

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	storev1 "github.com/doorstep-dev/doorstep/proto/doorstep/store/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/code"
	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/intake"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

const gtin = "06901234567892"

// world is a code room on a real database, with the smallest neighbours that keep their promises: their tickets are
// rows in the same database, so that what a transaction undoes is undone there too.
type world struct {
	elsewhere bool // the clerk serves at the other shop only

	*code.Room
	t        testing.TB
	db       *pgtest.DB
	org      uuid.UUID
	shop     uuid.UUID
	other    uuid.UUID
	clerk    uuid.UUID
	product  *fieldv1.Product
	now      atomic.Pointer[time.Time]
	key      ed25519.PrivateKey
	intake   *intake.Intake[*postgres.Tx]
	sequence atomic.Uint64
}

var morning = time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC) // nine o'clock in Shanghai

// fakeTicket is the neighbour's row.
type fakeTicket struct {
	View  code.TicketView
	Phone string
	From  code.Opening
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{
		t: t, db: pgtest.New(t), org: uuid.New(), shop: uuid.New(), other: uuid.New(), clerk: uuid.New(),
		key: ed25519.NewKeyFromSeed([]byte(strings.Repeat("k", 32))),
	}
	w.now.Store(&morning)
	ctx := context.Background()
	if _, err := w.db.Owner.Exec(ctx, `
		CREATE TABLE fake_ticket (org_id uuid, id uuid, unit uuid, open boolean, body jsonb, PRIMARY KEY (org_id, id));
		CREATE UNIQUE INDEX ON fake_ticket (org_id, unit) WHERE open AND unit <> '00000000-0000-0000-0000-000000000000';
		GRANT ALL ON fake_ticket TO doorstep_app`); err != nil {
		t.Fatal(err)
	}
	product, class := uuid.New(), uuid.New()
	w.product = &fieldv1.Product{
		Id: product[:], ClassId: class[:], Gtin: gtin, Model: "YX-60", WarrantyMonths: 72,
		Name: &typesv1.Label{Zh: "云曦电热水器 60 升", En: "Yunxi water heater 60 l"},
	}
	store := &postgres.Store{Pool: w.db.App, Now: func() time.Time { return *w.now.Load() }}
	w.Room = &code.Room{
		QuotaKey: []byte("key"),
		Store:    store, Log: slog.New(slog.DiscardHandler), Now: store.Now, PublicURL: func() string { return "https://doorstep.example" },
		Keys:  keysOf(w.key),
		Hooks: w.hooks(),
	}
	w.intake = &intake.Intake[*postgres.Tx]{
		Store: store, Mutators: w.Mutators(), Signer: change.Ed25519Signer{KeyID: "r", Key: w.key}, Now: store.Now, MaxAhead: time.Hour,
		Panicked: func(_ change.Mutation, value any, stack []byte) { t.Errorf("panic: %v\n%s", value, stack) },
	}
	return w
}

func keyName(key ed25519.PrivateKey) string {
	return token.KeyID(key.Public().(ed25519.PublicKey)[:5]).String()
}

func keysOf(key ed25519.PrivateKey) code.Keys {
	public := key.Public().(ed25519.PublicKey)
	return code.Keys{
		Signer: func(time.Time) (string, ed25519.PrivateKey, error) { return keyName(key), key, nil },
		Verifier: func(id string, _ time.Time) (ed25519.PublicKey, bool) {
			return public, id == keyName(key)
		},
	}
}

func (w *world) hooks() code.Hooks {
	return code.Hooks{
		OpenTicket: func(ctx context.Context, tx *postgres.Tx, o code.Opening) (uuid.UUID, bool, error) {
			number := fmt.Sprintf("T-%s", o.Ticket.String()[24:])
			saved, err := saveTicket(ctx, tx, fakeTicket{From: o, Phone: o.Phone, View: code.TicketView{
				ID: o.Ticket, Number: number, State: fieldv1.TicketState_TICKET_STATE_NEW, Unit: o.Unit, Store: o.Store,
				Product:  code.Label{ZH: o.Product.GetName().GetZh(), EN: o.Product.GetName().GetEn()},
				OpenedAt: tx.Now(), Stages: []code.Stage{{Key: "booked", At: tx.Now()}},
			}})
			if err != nil || saved {
				return o.Ticket, false, err
			}
			id, _, err := inWork(ctx, tx, o.Unit)
			return id, true, err
		},
		InWork: inWork,
		Ticket: func(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (code.TicketView, bool, error) {
			f, ok, err := loadTicket(ctx, tx, id)
			return f.View, ok, err
		},
		Customer: func(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (string, string, error) {
			f, _, err := loadTicket(ctx, tx, id)
			return f.From.Name, mask(f.Phone), err
		},
		Caller: func(ctx context.Context, tx *postgres.Tx, id uuid.UUID, phone string) (bool, error) {
			f, ok, err := loadTicket(ctx, tx, id)
			return ok && f.Phone == phone, err
		},
		History: func(ctx context.Context, tx *postgres.Tx, unit uuid.UUID) ([]*fieldv1.HistoryItem, error) {
			rows, err := tx.Query(ctx, `SELECT id::text FROM fake_ticket WHERE org_id = $1 AND unit = $2`, tx.OrgID(), unit)
			if err != nil {
				return nil, err
			}
			return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*fieldv1.HistoryItem, error) {
				h := new(fieldv1.HistoryItem)
				return h, row.Scan(&h.Number)
			})
		},
		Product: func(_ context.Context, tx *postgres.Tx, id uuid.UUID) (*fieldv1.Product, bool, error) {
			return w.product, tx.OrgID() == w.org && uuid.UUID(w.product.Id) == id, nil
		},
		ProductByGTIN: func(_ context.Context, tx *postgres.Tx, g string) (*fieldv1.Product, bool, error) {
			return w.product, tx.OrgID() == w.org && g == w.product.Gtin, nil
		},
		Classes: func(context.Context, *postgres.Tx) ([]code.Class, error) {
			return []code.Class{{Key: "water_heater", Name: code.Label{ZH: "热水器", EN: "Water heater"}}, {Key: "smart_lock", Name: code.Label{ZH: "智能锁", EN: "Smart lock"}}}, nil
		},
		OfClass: func(_ context.Context, _ *postgres.Tx, key string) (*fieldv1.Product, bool, error) {
			return &fieldv1.Product{Name: &typesv1.Label{Zh: key, En: key}}, key == "water_heater" || key == "smart_lock", nil
		},
		Parts: func(context.Context, *postgres.Tx, uuid.UUID) ([]*fieldv1.PriceItem, error) {
			return []*fieldv1.PriceItem{{Sku: "HOSE-1"}}, nil
		},
		Shop: func(_ context.Context, tx *postgres.Tx, id uuid.UUID) (code.Label, bool, error) {
			switch {
			case tx.OrgID() != w.org:
				return code.Label{}, false, nil
			case id == w.shop:
				return code.Label{ZH: "深圳南山旗舰店", EN: "Nanshan flagship shop"}, true, nil
			}
			return code.Label{ZH: "广州天河店"}, id == w.other, nil
		},
		Company: func(context.Context, *postgres.Tx) (code.Label, *time.Location, error) {
			return code.Label{ZH: "云曦电器", EN: "Yunxi"}, time.FixedZone("CST", 8*3600), nil
		},
		Within: func(_ context.Context, tx *postgres.Tx, reach identity.Reach, store uuid.UUID) (bool, error) {
			return tx.OrgID() == w.org && reach.Covers(identity.Place{Kind: identity.ScopeStore, ID: store}), nil
		},
		Serves: func(_ context.Context, tx *postgres.Tx, user change.User, store uuid.UUID, _ time.Time) (bool, error) {
			return tx.OrgID() == w.org && uuid.UUID(user) == w.clerk && (store == w.shop && !w.elsewhere || store == w.other), nil
		},
	}
}

func mask(phone string) string {
	if len(phone) < 8 {
		return ""
	}
	return phone[:3] + "****" + phone[len(phone)-4:]
}

// saveTicket writes the row, unless the unit has another one that is open.
func saveTicket(ctx context.Context, tx *postgres.Tx, f fakeTicket) (bool, error) {
	body, err := json.Marshal(f)
	if err != nil {
		return false, err
	}
	open := f.View.State <= fieldv1.TicketState_TICKET_STATE_ON_HOLD || f.View.State == fieldv1.TicketState_TICKET_STATE_CANNOT_COMPLETE
	tag, err := tx.Exec(ctx, `INSERT INTO fake_ticket VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
		tx.OrgID(), f.View.ID, f.View.Unit, open, body)
	return tag.RowsAffected() == 1, err
}

func inWork(ctx context.Context, tx *postgres.Tx, unit uuid.UUID) (id uuid.UUID, ok bool, err error) {
	err = tx.QueryRow(ctx, `SELECT id FROM fake_ticket WHERE org_id = $1 AND unit = $2 AND open`, tx.OrgID(), unit).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return id, false, nil
	}
	return id, err == nil, err
}

func loadTicket(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (f fakeTicket, ok bool, err error) {
	var body []byte
	err = tx.QueryRow(ctx, `SELECT body FROM fake_ticket WHERE org_id = $1 AND id = $2`, tx.OrgID(), id).Scan(&body)
	if errors.Is(err, pgx.ErrNoRows) {
		return f, false, nil
	}
	if err != nil {
		return f, false, err
	}
	return f, true, json.Unmarshal(body, &f)
}

// transact runs fn in the world's org and fails the test on an error.
func (w *world) transact(fn func(ctx context.Context, tx *postgres.Tx) error) {
	w.t.Helper()
	ctx := context.Background()
	if err := w.Store.Transact(ctx, change.Org(w.org), func(tx *postgres.Tx) error { return fn(ctx, tx) }); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) unit(serial string) uuid.UUID {
	w.t.Helper()
	var id uuid.UUID
	w.transact(func(ctx context.Context, tx *postgres.Tx) (err error) {
		id, err = w.PutUnit(ctx, tx, code.Unit{Product: uuid.UUID(w.product.Id), GTIN: gtin, Serial: serial, Store: w.shop})
		return err
	})
	return id
}

// issue makes a code and returns it with what its symbol holds.
func (w *world) issue(kind token.Kind, target uuid.UUID, life time.Duration) (i code.Issued, text string) {
	w.t.Helper()
	w.transact(func(ctx context.Context, tx *postgres.Tx) (err error) {
		if i, err = w.Issue(ctx, tx, kind, target, life, change.User{}); err != nil {
			return err
		}
		text, err = w.Text(ctx, tx, i)
		return err
	})
	return i, text
}

func (w *world) revoke(id uuid.UUID) {
	w.t.Helper()
	w.transact(func(ctx context.Context, tx *postgres.Tx) error { return w.Revoke(ctx, tx, id, "test", change.User{}) })
}

// ticket loads what the ticket room was told.
func (w *world) ticket(id uuid.UUID) (f fakeTicket) {
	w.t.Helper()
	w.transact(func(ctx context.Context, tx *postgres.Tx) (err error) {
		var ok bool
		if f, ok, err = loadTicket(ctx, tx, id); err == nil && !ok {
			err = fmt.Errorf("no ticket %s", id)
		}
		return err
	})
	return f
}

// change edits a ticket in its room, and tells the code room when it is completed.
func (w *world) change(id uuid.UUID, edit func(*code.TicketView)) {
	w.t.Helper()
	w.transact(func(ctx context.Context, tx *postgres.Tx) error {
		f, _, err := loadTicket(ctx, tx, id)
		if err != nil {
			return err
		}
		edit(&f.View)
		if _, err := tx.Exec(ctx, `DELETE FROM fake_ticket WHERE org_id = $1 AND id = $2`, tx.OrgID(), id); err != nil {
			return err
		}
		if _, err := saveTicket(ctx, tx, f); err != nil || f.View.State != fieldv1.TicketState_TICKET_STATE_COMPLETED {
			return err
		}
		return code.Units{}.Installed(ctx, tx, f.View.Unit)
	})
}

// scan pushes a clerk's scan from a phone of its own and returns the verdict and the ticket id that the phone chose.
func (w *world) scan(a *storev1.OpenTicketByScan, at time.Time) (change.Verdict, uuid.UUID, error) {
	ticket := uuid.New()
	a.TicketId = ticket[:]
	if a.StoreId == nil {
		a.StoreId = w.shop[:]
	}
	args, err := proto.Marshal(a)
	if err != nil {
		return change.Verdict{}, ticket, err
	}
	verdicts, err := w.intake.Take(context.Background(), intake.Push{
		Org: change.Org(w.org), Device: change.Device(uuid.New()), User: change.User(w.clerk),
		Mutations: []change.Mutation{{Seq: 1, ID: uuid.New(), Kind: code.KindOpenTicket, Args: args, DeviceTime: at}},
	})
	if err != nil {
		return change.Verdict{}, ticket, err
	}
	return verdicts[0], ticket, nil
}

// held are the live entries of the shop's feed, by kind and id.
func (w *world) held(shop uuid.UUID) map[change.Entity][]byte {
	w.t.Helper()
	user := change.User(uuid.New())
	f := change.FeedID{Kind: "store", Key: shop}
	w.transact(func(ctx context.Context, tx *postgres.Tx) error { return tx.Subscribe(ctx, user, f) })
	page, err := feed.Read(context.Background(), w.Store, feed.Request{Org: change.Org(w.org), User: user})
	if err != nil {
		w.t.Fatal(err)
	}
	out := map[change.Entity][]byte{}
	for _, d := range page.Deltas {
		for _, e := range d.Entries {
			if !e.Removed {
				out[e.Entity] = e.Body
			}
		}
	}
	return out
}

func (w *world) as(roles ...identity.Grant) identity.Identity {
	return identity.Identity{Org: w.org, User: w.clerk}.Holding(roles...)
}

func grant(role identity.Role, kind identity.ScopeKind, id uuid.UUID) identity.Grant {
	return identity.Grant{Role: role, Scope: kind, ID: id}
}

// newWorldIn is another company on the same server: same database, same keys.
func newWorldIn(w *world) *world {
	o := &world{t: w.t, db: w.db, org: uuid.New(), shop: uuid.New(), other: uuid.New(), clerk: uuid.New(), key: w.key}
	o.now.Store(w.now.Load())
	product := uuid.New()
	o.product = proto.CloneOf(w.product)
	o.product.Id = product[:]
	o.Room = &code.Room{Store: w.Store, Log: w.Log, Now: w.Now, PublicURL: w.PublicURL, Keys: w.Keys, Hooks: o.hooks(), QuotaKey: w.QuotaKey}
	return o
}

// signed is the signed text of any code, also of a unit that has a link.
func (w *world) signed(i code.Issued) string {
	return token.Sign(token.Token{Kind: i.Kind, Key: token.KeyID(w.key.Public().(ed25519.PublicKey)[:5]), ID: i.ID, Expires: i.Expires}, w.key)
}

func mistype(shown string) string {
	b := []byte(shown)
	if b[0] == 'A' {
		b[0] = 'C'
	} else {
		b[0] = 'A'
	}
	return string(b)
}
