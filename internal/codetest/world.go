// Package codetest is a company with the rooms of codes and bookings on a real database, for the tests of both.
package codetest

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
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
	"github.com/doorstep-dev/doorstep/server/booking"
	"github.com/doorstep-dev/doorstep/server/code"
	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/order/scanned"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/intake"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// GTIN is the number of the one product.
const GTIN = "06901234567892"

// Morning is when a world begins: nine o'clock in Shanghai.
var Morning = time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)

// World is a company with the smallest neighbours that keep their promises: their tickets are rows in the same
// database, so that what a transaction undoes is undone there too.
type World struct {
	*code.Codes
	Booking *booking.Bookings
	// Customer is what the customer does to a ticket; each may be replaced.
	Customer Customer
	// Elsewhere: the clerk serves at the other shop only.
	Elsewhere bool
	URL       string

	DB      *pgtest.DB
	Org     uuid.UUID
	Shop    uuid.UUID
	Other   uuid.UUID
	Clerk   uuid.UUID
	Product *fieldv1.Product
	Clock   atomic.Pointer[time.Time]
	Key     ed25519.PrivateKey
	Intake  *intake.Intake[*postgres.Tx]

	T testing.TB
}

// Customer is what a customer may do to a ticket. What is nil is forbidden by the ticket's state.
type Customer struct {
	Cancel     func(ticket uuid.UUID, reason string) error
	Reschedule func(ticket uuid.UUID, earliest, latest time.Time) error
	Rate       func(ticket uuid.UUID, stars int, comment string) error
	Approve    func(ticket uuid.UUID, hash []byte) error
}

// Ticket is a row of the neighbour.
type Ticket struct {
	ID, Unit uuid.UUID
	View     booking.Ticket
	OpenedAt time.Time
	Phone    string
	From     scanned.Purchase
}

// New makes a company on a database of its own.
func New(t testing.TB) *World {
	t.Helper()
	w := &World{
		T: t, DB: pgtest.New(t), Org: uuid.New(), Shop: uuid.New(), Other: uuid.New(), Clerk: uuid.New(),
		Key: ed25519.NewKeyFromSeed([]byte(strings.Repeat("k", 32))), URL: "https://doorstep.example",
	}
	w.Clock.Store(&Morning)
	if _, err := w.DB.Owner.Exec(t.Context(), `
		CREATE TABLE fake_ticket (org_id uuid, id uuid, unit uuid, open boolean, body jsonb, PRIMARY KEY (org_id, id));
		CREATE UNIQUE INDEX ON fake_ticket (org_id, unit) WHERE open AND unit <> '00000000-0000-0000-0000-000000000000';
		GRANT ALL ON fake_ticket TO doorstep_app`); err != nil {
		t.Fatal(err)
	}
	product, class := uuid.New(), uuid.New()
	w.Product = &fieldv1.Product{
		Id: product[:], ClassId: class[:], Gtin: GTIN, Model: "YX-60", WarrantyMonths: 72,
		Name: &typesv1.Label{Zh: "云曦电热水器 60 升", En: "Yunxi water heater 60 l"},
	}
	w.rooms(&postgres.Store{Pool: w.DB.App, Now: func() time.Time { return *w.Clock.Load() }})
	return w
}

// Another is another company on the same server: same database, same keys.
func (w *World) Another() *World {
	o := &World{
		T: w.T, DB: w.DB, Org: uuid.New(), Shop: uuid.New(), Other: uuid.New(), Clerk: uuid.New(), Key: w.Key, URL: w.URL,
	}
	o.Clock.Store(w.Clock.Load())
	product := uuid.New()
	o.Product = proto.CloneOf(w.Product)
	o.Product.Id = product[:]
	o.rooms(w.Store)
	return o
}

func (w *World) rooms(store *postgres.Store) {
	n := neighbours{w}
	w.Codes = code.New(code.Config{Store: store, Now: store.Now, PublicURL: func() string { return w.URL }}, n, n, n,
		codeTickets{n})
	w.Booking = booking.New(booking.Config{Store: store, Now: store.Now, QuotaKey: []byte("key")},
		bookingCodes{w.Codes}, bookingPeople{n}, n, bookingTickets{n})
	w.Intake = &intake.Intake[*postgres.Tx]{
		Store: store, Mutators: w.Mutators(), Signer: change.Ed25519Signer{KeyID: "r", Key: w.Key}, Now: store.Now,
		MaxAhead: time.Hour,
		Panicked: func(_ change.Mutation, value any, stack []byte) { w.T.Errorf("panic: %v\n%s", value, stack) },
	}
}

func mask(phone string) string {
	if len(phone) < 8 {
		return ""
	}
	return phone[:3] + "****" + phone[len(phone)-4:]
}

// saveTicket writes the row, unless the unit has another one that is open.
func saveTicket(ctx context.Context, tx *postgres.Tx, f Ticket) (bool, error) {
	body, err := json.Marshal(f)
	if err != nil {
		return false, err
	}
	open := f.View.State <= fieldv1.TicketState_TICKET_STATE_ON_HOLD ||
		f.View.State == fieldv1.TicketState_TICKET_STATE_CANNOT_COMPLETE
	tag, err := tx.Exec(ctx, `INSERT INTO fake_ticket VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
		tx.OrgID(), f.ID, f.Unit, open, body)
	return tag.RowsAffected() == 1, err
}

func (neighbours) InWork(ctx context.Context, tx *postgres.Tx, unit uuid.UUID) (id uuid.UUID, ok bool, err error) {
	err = tx.QueryRow(ctx, `SELECT id FROM fake_ticket
		WHERE org_id = $1 AND unit = $2 AND open`, tx.OrgID(), unit).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return id, false, nil
	}
	return id, err == nil, err
}

func loadTicket(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (f Ticket, ok bool, err error) {
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

// Transact runs fn in the world's org and fails the test on an error.
func (w *World) Transact(fn func(ctx context.Context, tx *postgres.Tx) error) {
	w.T.Helper()
	ctx := context.Background()
	if err := w.Store.Transact(ctx, change.Org(w.Org), func(tx *postgres.Tx) error { return fn(ctx, tx) }); err != nil {
		w.T.Fatal(err)
	}
}

// Unit registers a piece with that serial number in the shop.
func (w *World) Unit(serial string) uuid.UUID {
	w.T.Helper()
	var id uuid.UUID
	w.Transact(func(ctx context.Context, tx *postgres.Tx) (err error) {
		id, err = w.PutUnit(ctx, tx, code.Unit{Product: uuid.UUID(w.Product.Id), GTIN: GTIN, Serial: serial, Store: w.Shop})
		return err
	})
	return id
}

// IssueCode makes a code and returns it with what its symbol holds.
func (w *World) IssueCode(kind token.Kind, target uuid.UUID, life time.Duration) (i code.Issued, text string) {
	w.T.Helper()
	w.Transact(func(ctx context.Context, tx *postgres.Tx) (err error) {
		if i, err = w.Issue(ctx, tx, kind, target, life, change.User{}); err != nil {
			return err
		}
		text, err = w.Text(ctx, tx, i)
		return err
	})
	return i, text
}

// RevokeCode takes a code back.
func (w *World) RevokeCode(id uuid.UUID) {
	w.T.Helper()
	w.Transact(func(ctx context.Context, tx *postgres.Tx) error { return w.Revoke(ctx, tx, id, "test", change.User{}) })
}

// Ticket loads what the ticket room was told.
func (w *World) Ticket(id uuid.UUID) (f Ticket) {
	w.T.Helper()
	w.Transact(func(ctx context.Context, tx *postgres.Tx) (err error) {
		var ok bool
		if f, ok, err = loadTicket(ctx, tx, id); err == nil && !ok {
			err = fmt.Errorf("no ticket %s", id)
		}
		return err
	})
	return f
}

// Change edits a ticket in its room, and tells the code room when it is completed.
func (w *World) Change(id uuid.UUID, edit func(*booking.Ticket)) {
	w.T.Helper()
	w.Transact(func(ctx context.Context, tx *postgres.Tx) error {
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
		return code.Units{}.Installed(ctx, tx, f.Unit)
	})
}

// Scan pushes a clerk's scan from a phone of its own and returns the verdict and the ticket id that the phone chose.
func (w *World) Scan(a *storev1.OpenTicketByScan, at time.Time) (change.Verdict, uuid.UUID, error) {
	ticket := uuid.New()
	a.TicketId = ticket[:]
	if a.StoreId == nil {
		a.StoreId = w.Shop[:]
	}
	args, err := proto.Marshal(a)
	if err != nil {
		return change.Verdict{}, ticket, err
	}
	verdicts, err := w.Intake.Take(context.Background(), intake.Push{
		Org: change.Org(w.Org), Device: change.Device(uuid.New()), User: change.User(w.Clerk),
		Mutations: []change.Mutation{{Seq: 1, ID: uuid.New(), Kind: code.KindOpenTicket, Args: args, DeviceTime: at}},
	})
	if err != nil {
		return change.Verdict{}, ticket, err
	}
	return verdicts[0], ticket, nil
}

// Held are the live entries of the shop's feed, by kind and id.
func (w *World) Held(shop uuid.UUID) map[change.Entity][]byte {
	w.T.Helper()
	user := change.User(uuid.New())
	f := change.FeedID{Kind: "store", Key: shop}
	w.Transact(func(ctx context.Context, tx *postgres.Tx) error { return tx.Subscribe(ctx, user, f) })
	page, err := feed.Read(context.Background(), w.Store, feed.Request{Org: change.Org(w.Org), User: user})
	if err != nil {
		w.T.Fatal(err)
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

// As is the clerk with these rights only.
func (w *World) As(roles ...identity.Grant) identity.Identity {
	return identity.Identity{Org: w.Org, User: w.Clerk}.Holding(roles...)
}

// Grant is a right.
func Grant(role identity.Role, kind identity.ScopeKind, id uuid.UUID) identity.Grant {
	return identity.Grant{Role: role, Scope: kind, ID: id}
}

// Signed is the signed text of any code, also of a unit that has a link.
func (w *World) Signed(i code.Issued) string {
	return token.Sign(token.Token{
		Kind: i.Kind, Key: token.KeyID(w.Key.Public().(ed25519.PublicKey)[:5]), ID: i.ID,
		Expires: i.Expires,
	}, w.Key)
}

// Mistype is a code with its first character changed.
func Mistype(shown string) string {
	b := []byte(shown)
	if b[0] == 'A' {
		b[0] = 'C'
	} else {
		b[0] = 'A'
	}
	return string(b)
}
