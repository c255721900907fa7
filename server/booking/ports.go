package booking

import (
	"context"
	"time"

	"github.com/google/uuid"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/server/order/scanned"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// What this room asks of others, each but Tenant within its transaction. ok is false for what the company does not
// have.

// Codes know what printed codes stand for.
type Codes interface {
	// Tenant finds the company that a scanned text belongs to; code_unknown for a text of nobody.
	Tenant(ctx context.Context, scanned string) (change.Org, error)
	// Identify tells what a stranger has scanned; code_unknown for everything that is wrong with the code.
	Identify(ctx context.Context, tx *postgres.Tx, scanned string) (Scanned, error)
	// LockUnit locks a unit and reads it; a zero id, and a unit that is gone, give a zero Unit.
	LockUnit(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (Unit, error)
	// TicketToken gives the customer's signed code for a ticket, and the link that holds it.
	TicketToken(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID) (text, link string, err error)
	// LogScan notes that a stranger has scanned.
	LogScan(ctx context.Context, tx *postgres.Tx, s Scanned) error
}

// Scanned is what a scanned text stands for.
type Scanned struct {
	Kind token.Kind
	// ID is the unit, store or ticket; zero for a product whose piece is not known.
	ID uuid.UUID
	// Product is set for units and products. Serial is what was read, also of a piece that is not known.
	Product *fieldv1.Product
	Serial  string
}

// Unit is a piece that was sold.
type Unit struct {
	ID, Store                  uuid.UUID
	PurchasedAt, WarrantyUntil time.Time
	OrderNumber                string
}

// People knows the company and its shops.
type People interface {
	// Company is the company's name and time zone.
	Company(ctx context.Context, tx *postgres.Tx) (name Label, zone *time.Location, err error)
	// Shop finds a store's name.
	Shop(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (name Label, ok bool, err error)
}

// Goods are what can be booked at a shop's entry.
type Goods interface {
	// Classes lists the classes of products to choose from.
	Classes(ctx context.Context, tx *postgres.Tx) ([]Class, error)
	// OfClass finds the product that stands for any product of a class.
	OfClass(ctx context.Context, tx *postgres.Tx, key string) (p *fieldv1.Product, ok bool, err error)
}

// Tickets are the jobs that are booked, and what their customers may do to them. Where it is too late, or too early,
// the answer is state_forbids.
type Tickets interface {
	// OpenTicket opens a ticket, with an order of one line if there is none yet, and tells its id. Where the unit has
	// a ticket in work already, also one that another transaction opened a moment ago, it opens none and gives that one.
	OpenTicket(ctx context.Context, tx *postgres.Tx, p scanned.Purchase) (ticket uuid.UUID, existing bool, err error)
	// Ticket reads a ticket.
	Ticket(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (t Ticket, ok bool, err error)
	// InWork finds the ticket in work for a unit: new, in progress, on hold, or failed and not closed yet.
	InWork(ctx context.Context, tx *postgres.Tx, unit uuid.UUID) (ticket uuid.UUID, ok bool, err error)
	// Caller tells whether the phone number is that of the ticket's customer.
	Caller(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID, phone string) (bool, error)

	Cancel(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID, reason string) error
	Reschedule(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID, earliest, latest time.Time) error
	Rate(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID, stars int, comment string) error
	// Approve agrees to the extras with this hash; conflict where they are others by now.
	Approve(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID, hash []byte) error
}

// Ticket is what this room shows of a ticket.
type Ticket struct {
	Number string
	State  fieldv1.TicketState
	Store  uuid.UUID // zero when there is none
	// Product is the ticket's product, in both languages where the catalogue has it.
	Product Label
	Stages  []Stage
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
