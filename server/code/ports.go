package code

import (
	"context"
	"crypto/ed25519"
	"time"

	"github.com/google/uuid"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/order/scanned"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// What this room asks of others, each within its transaction. ok is false for what the company does not have.

// Keys are the installation's keys for signed codes.
type Keys interface {
	// Signer gives the key that signs now, and its id.
	Signer(now time.Time) (id string, key ed25519.PrivateKey, err error)
	// Verifier gives the public key of an id that is trusted at that time.
	Verifier(id string, now time.Time) (key ed25519.PublicKey, ok bool)
}

// People knows the company, its shops and who may do what there.
type People interface {
	// CompanyName and ShopName are names as they are printed: in Chinese, or else in English.
	CompanyName(ctx context.Context, tx *postgres.Tx) (string, error)
	ShopName(ctx context.Context, tx *postgres.Tx, shop uuid.UUID) (name string, ok bool, err error)
	// Within tells whether the store lies within a reach. A zero store is within reach of the whole company only.
	Within(ctx context.Context, tx *postgres.Tx, reach identity.Reach, store uuid.UUID) (bool, error)
	// Serves tells whether the user was a clerk of the store at that time.
	Serves(ctx context.Context, tx *postgres.Tx, user change.User, store uuid.UUID, at time.Time) (bool, error)
}

// Goods are the products.
type Goods interface {
	// Product finds a product by its id, ProductByGTIN by its 14 digits.
	Product(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (p *fieldv1.Product, ok bool, err error)
	ProductByGTIN(ctx context.Context, tx *postgres.Tx, gtin string) (p *fieldv1.Product, ok bool, err error)
	// Parts lists the parts that fit a class of products.
	Parts(ctx context.Context, tx *postgres.Tx, class uuid.UUID) ([]*fieldv1.PriceItem, error)
}

// Tickets are the jobs of units.
type Tickets interface {
	// OpenTicket opens a ticket, with an order of one line if there is none yet, and tells its id. Where the unit has
	// a ticket in work already, also one that another transaction opened a moment ago, it opens none and gives that one.
	OpenTicket(ctx context.Context, tx *postgres.Tx, p scanned.Purchase) (ticket uuid.UUID, existing bool, err error)
	// Ticket reads a ticket.
	Ticket(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (t Ticket, ok bool, err error)
	// InWork finds the ticket in work for a unit: new, in progress, on hold, or failed and not closed yet.
	InWork(ctx context.Context, tx *postgres.Tx, unit uuid.UUID) (ticket uuid.UUID, ok bool, err error)
	// Customer tells a ticket's customer: the name, and the phone number masked (138****0001).
	Customer(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID) (name, phone string, err error)
	// HistoryOfUnit lists the jobs that a unit ever had, newest first, at most limit.
	HistoryOfUnit(ctx context.Context, tx *postgres.Tx, unit uuid.UUID, limit int) ([]*fieldv1.HistoryItem, error)
}

// Ticket is what this room shows of a ticket.
type Ticket struct {
	ID     uuid.UUID
	Number string
	State  fieldv1.TicketState
	Unit   uuid.UUID // zero when not known
	Store  uuid.UUID // zero when there is none
	// ProductName is as the ticket keeps it: in Chinese.
	ProductName string
	OpenedAt    time.Time
}
