package order

import (
	"context"

	"github.com/google/uuid"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/order/scanned"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// What Orders needs of the rooms below it. Every call is made in the transaction of the order. None of them calls
// Orders back: see the order of rooms in docs/ARCHITECTURE.md.

// People answers about the company and its places.
type People interface {
	// Relate returns nil if the caller, acting within reach, may relate an order to these things; else a fault that
	// names the field.
	Relate(ctx context.Context, tx *postgres.Tx, who identity.Identity, reach identity.Reach, ends ...identity.End) error
	// Currency is the company's, by its ISO 4217 code.
	Currency(ctx context.Context, tx *postgres.Tx) (string, error)
	// Places lists regions and shops.
	Places(ctx context.Context, tx *postgres.Tx) ([]Place, error)
}

// Goods answers about the catalogue. ok is false for what the company does not have.
type Goods interface {
	Product(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (p *fieldv1.Product, ok bool, err error)
	ProductBySKU(ctx context.Context, tx *postgres.Tx, sku string) (p *fieldv1.Product, ok bool, err error)
	ProductByGTIN(ctx context.Context, tx *postgres.Tx, gtin string) (p *fieldv1.Product, ok bool, err error)
	ProductByModel(ctx context.Context, tx *postgres.Tx, model string) (p *fieldv1.Product, ok bool, err error)
	ClassByKey(ctx context.Context, tx *postgres.Tx, key string) (c *fieldv1.ProductClass, ok bool, err error)
	// UnnamedProduct is the product of a class that stands for whatever is sold without a name.
	UnnamedProduct(ctx context.Context, tx *postgres.Tx, class *fieldv1.ProductClass) (*fieldv1.Product, error)
}

// Tickets keeps what is to be installed.
type Tickets interface {
	// Open opens the ticket of one thing to install and returns its id. An Opening with the same key again returns the
	// ticket that is there.
	Open(ctx context.Context, tx *postgres.Tx, o Opening) (uuid.UUID, error)
	// OpenUnknown opens a ticket of which nobody has said yet what it is for. existing says that it is there already.
	OpenUnknown(
		ctx context.Context, tx *postgres.Tx, s scanned.Purchase, c Customer, actor string,
	) (ticket uuid.UUID, existing bool, err error)
	// Remark adds a note of that author to a ticket. An empty text adds nothing.
	Remark(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID, text, author, actor string) error
	// Met reports whether a user stood at the customer's door on one of these tickets.
	Met(ctx context.Context, tx *postgres.Tx, user uuid.UUID, tickets []uuid.UUID) (bool, error)
	// LockAll locks tickets, and those of visits, in the order of their ids.
	LockAll(ctx context.Context, tx *postgres.Tx, tickets, visits []uuid.UUID) error
	// Trail writes what became of a customer's record into a ticket's trail.
	Trail(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID, kind, actor string, what map[string]string) error
}
