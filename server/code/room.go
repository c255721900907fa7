package code

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Room keeps units and codes. All fields but Random are required.
type Room struct {
	Store *postgres.Store
	Log   *slog.Logger
	// Now is the office's clock.
	Now func() time.Time
	// PublicURL tells the server's address as it is printed on codes, without a trailing slash.
	PublicURL func() string
	Keys      Keys
	Hooks     Hooks
	// QuotaKey keys the hashes under which bookings are counted; the same on all servers.
	QuotaKey []byte
	// Random is crypto/rand.Reader when nil.
	Random io.Reader
}

// Keys are the installation's keys for signed codes.
type Keys struct {
	// Signer gives the key that signs now, and its id.
	Signer func(now time.Time) (id string, key ed25519.PrivateKey, err error)
	// Verifier gives the public key of an id that is trusted at that time.
	Verifier func(id string, now time.Time) (key ed25519.PublicKey, ok bool)
}

// Hooks are what this room asks of others, each within its transaction. ok is false for what the org does not have.
type Hooks struct {
	// OpenTicket opens a ticket, with an order of one line if there is none yet, and tells its id. Where the unit has
	// a ticket in work already, also one that another transaction opened a moment ago, it opens none and gives that one.
	OpenTicket func(ctx context.Context, tx *postgres.Tx, o Opening) (ticket uuid.UUID, existing bool, err error)
	// Ticket reads a ticket.
	Ticket func(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (t TicketView, ok bool, err error)
	// InWork finds the ticket in work for a unit: new, in progress, on hold, or failed and not closed yet.
	InWork func(ctx context.Context, tx *postgres.Tx, unit uuid.UUID) (ticket uuid.UUID, ok bool, err error)
	// Customer tells a ticket's customer: the name, and the phone number masked (138****0001).
	Customer func(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID) (name, phone string, err error)
	// Caller tells whether the phone number is that of the ticket's customer.
	Caller func(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID, phone string) (bool, error)
	// Approve agrees to the extras with this hash; conflict where they are others by now, state_forbids when it is too late.
	Approve func(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID, hash []byte) error
	// Cancel, Reschedule and Rate are what a customer does with the ticket's code; state_forbids when it is too late.
	Cancel     func(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID, reason string) error
	Reschedule func(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID, earliest, latest time.Time) error
	Rate       func(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID, stars int, comment string) error
	// History lists the jobs that a unit ever had, newest first, at most 20.
	History func(ctx context.Context, tx *postgres.Tx, unit uuid.UUID) ([]*fieldv1.HistoryItem, error)
	// Product finds a product by its id, ProductByGTIN by its 14 digits.
	Product       func(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (p *fieldv1.Product, ok bool, err error)
	ProductByGTIN func(ctx context.Context, tx *postgres.Tx, gtin string) (p *fieldv1.Product, ok bool, err error)
	// Classes lists the classes of products, for a customer who scanned a shop's entry to choose from; OfClass finds the
	// product that stands for any product of a class.
	Classes func(ctx context.Context, tx *postgres.Tx) ([]Class, error)
	OfClass func(ctx context.Context, tx *postgres.Tx, key string) (p *fieldv1.Product, ok bool, err error)
	// Parts lists the parts that fit a class of products.
	Parts func(ctx context.Context, tx *postgres.Tx, class uuid.UUID) ([]*fieldv1.PriceItem, error)
	// Shop finds a store's name.
	Shop func(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (name Label, ok bool, err error)
	// Company is the org's name and time zone.
	Company func(ctx context.Context, tx *postgres.Tx) (name Label, zone *time.Location, err error)
	// Within tells whether the store lies within a reach. A zero store is within reach of the whole org only.
	Within func(ctx context.Context, tx *postgres.Tx, reach identity.Reach, store uuid.UUID) (bool, error)
	// Serves tells whether the user was a clerk of the store at that time.
	Serves func(ctx context.Context, tx *postgres.Tx, user change.User, store uuid.UUID, at time.Time) (bool, error)
}

// Opening is a ticket to open, with everything that a scan fills in.
type Opening struct {
	// Ticket is the id that the ticket gets.
	Ticket uuid.UUID
	// Source is scan (at the counter) or booking (by a stranger).
	Source string
	// Product is nil for a booking at a shop's entry that named no class.
	Product *fieldv1.Product
	// Unit is zero when the piece is not known. Serial may be known all the same.
	Unit   uuid.UUID
	Serial string
	// Store is zero when there is none.
	Store                      uuid.UUID
	PurchasedAt, WarrantyUntil time.Time
	OrderNumber                string
	Name, Phone, Address       string
	// Language is what the customer reads, zh or en; empty when nobody knows.
	Language                    string
	Position                    *Position
	Note                        string
	WantedEarliest, WantedUntil time.Time
	// By is zero for a stranger. At is the device's time of a scan, the office's of a booking.
	By change.User
	At time.Time
	// Unconfirmed: somebody must say that it is a job of its own.
	Unconfirmed bool
}

// Position is a point on WGS 84 in degrees, with its accuracy in metres (0 when unknown).
type Position struct {
	Latitude, Longitude float64
	Accuracy            float32
}

// TicketView is what this room shows of a ticket.
type TicketView struct {
	ID       uuid.UUID
	Number   string
	State    fieldv1.TicketState
	Unit     uuid.UUID // zero when not known
	Store    uuid.UUID // zero when there is none
	Product  Label
	OpenedAt time.Time
	Stages   []Stage
	// Technician's full name and Badge are who accepted the visit that is coming; empty before.
	Technician, Badge string
	// Earliest and Latest are the arrival that the customer was told.
	Earliest, Latest time.Time
	// WantedEarliest and WantedLatest are what the customer asked for.
	WantedEarliest, WantedLatest time.Time
	MayChange, MayRate           bool
	Extras                       Extras
	Stars                        int
}

func (r *Room) random() io.Reader {
	if r.Random != nil {
		return r.Random
	}
	return rand.Reader
}

// orgOf finds the tenant of a handle or host; an unknown one is code_unknown.
func (r *Room) orgOf(ctx context.Context, handle string) (change.Org, error) {
	var org *uuid.UUID
	if err := r.Store.Pool.QueryRow(ctx, `SELECT org_of_handle($1)`, strings.ToLower(handle)).Scan(&org); err != nil {
		return change.Org{}, err
	}
	if org == nil {
		return change.Org{}, fault.Wrap(errors.New("no org has this handle"), fault.CodeUnknown, "")
	}
	return change.Org(*org), nil
}

// register makes the org's handle known, so that its codes find it.
func register(ctx context.Context, tx *postgres.Tx) error {
	return claimHandle(ctx, tx, token.HandleOf(tx.OrgID()).String())
}

// UseHost lets product links live on the company's own host, for example id.example.com, whose web server forwards
// to this one. A host that another org uses is refused with conflict.
func (r *Room) UseHost(ctx context.Context, tx *postgres.Tx, host string) error {
	host = strings.ToLower(strings.TrimSpace(host))
	if !strings.Contains(host, ".") || strings.ContainsAny(host, "/ ?#@") || len(host) > 253 {
		return fault.New(fault.InvalidArgument, "host: a name such as id.example.com")
	}
	return claimHandle(ctx, tx, host)
}

func claimHandle(ctx context.Context, tx *postgres.Tx, handle string) error {
	// The insert does nothing where the row exists, also another org's, which only the function sees.
	if _, err := tx.Exec(ctx, `INSERT INTO code_org (org_id, handle) VALUES ($1, $2) ON CONFLICT DO NOTHING`, tx.OrgID(), handle); err != nil {
		return err
	}
	var owner uuid.UUID
	if err := tx.QueryRow(ctx, `SELECT org_of_handle($1)`, handle).Scan(&owner); err != nil {
		return err
	}
	if owner != tx.OrgID() {
		return fault.New(fault.Conflict, "%s is in use", handle)
	}
	return nil
}

// host is the company's own host, or "" when it has none.
func host(ctx context.Context, tx *postgres.Tx) (string, error) {
	var h string
	err := tx.QueryRow(ctx, `SELECT coalesce(min(handle), '') FROM code_org WHERE org_id = $1 AND handle LIKE '%.%'`, tx.OrgID()).Scan(&h)
	return h, err
}
