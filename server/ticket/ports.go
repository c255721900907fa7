package ticket

import (
	"context"
	"time"

	"github.com/google/uuid"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	"github.com/doorstep-dev/doorstep/server/dispatch/score"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/money"
	"github.com/doorstep-dev/doorstep/server/pay/plan"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// What Tickets needs of the rooms below it. Every call is made in the transaction of the ticket. None of them calls
// Tickets back: see the order of rooms in docs/ARCHITECTURE.md.

// People answers about the company, its places and who works there.
type People interface {
	// Technician returns a technician; NotFound for an unknown one.
	Technician(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (Technician, error)
	// Unsent lists the technicians whose phones hold work that has no verdict yet.
	Unsent(ctx context.Context, tx *postgres.Tx) ([]uuid.UUID, error)
	// Relate returns nil if the caller, acting within reach, may relate a ticket to these things. What is not there, of
	// another kind or beyond the reach is a fault that names the field.
	Relate(ctx context.Context, tx *postgres.Tx, who identity.Identity, reach identity.Reach, ends ...identity.End) error
	// Zone is the company's time zone, whose day is in a ticket's number.
	Zone(ctx context.Context, tx *postgres.Tx) (*time.Location, error)
	// Language is the company's, zh or en.
	Language(ctx context.Context, tx *postgres.Tx) (string, error)
	// Shop returns name and region of a shop of which only the id is known.
	Shop(ctx context.Context, tx *postgres.Tx, store uuid.UUID) (name string, region uuid.UUID, err error)
}

// Goods answers about the catalogue.
type Goods interface {
	// Product returns a product; NotFound for an unknown one.
	Product(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (Product, error)
	// PriceItem returns the price of a part or surcharge that holds at a time; NotFound for an unknown one.
	PriceItem(ctx context.Context, tx *postgres.Tx, id uuid.UUID, at time.Time) (PriceItem, error)
	// ClassKey is the key of a class of products; empty for an unknown one.
	ClassKey(ctx context.Context, tx *postgres.Tx, class uuid.UUID) (string, error)
}

// Proofs answers about photos and signatures.
type Proofs interface {
	// OfVisit lists what is attached to a visit, refused proofs too, in the order in which it came.
	OfVisit(ctx context.Context, tx *postgres.Tx, visit uuid.UUID) ([]*fieldv1.Proof, error)
	// OfTicket lists what is attached to a ticket, likewise.
	OfTicket(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID) ([]*fieldv1.Proof, error)
	// Signatures counts the signatures of a ticket; named reports whether the newest names what it shows.
	Signatures(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID) (n int, named bool, err error)
	// Moved takes the ticket's proofs from one technician's phone to another's; a zero id is nobody.
	Moved(ctx context.Context, tx *postgres.Tx, ticket, from, to uuid.UUID) error
}

// Earnings keeps what a ticket pays.
type Earnings interface {
	// Estimate prices a job by the plan that holds now, without booking it; ok is false if no plan prices it.
	Estimate(ctx context.Context, tx *postgres.Tx, f plan.Facts) (total money.Amount, ok bool, err error)
	// Accrue books what a completed job pays, as pending. source is its visit.
	Accrue(ctx context.Context, tx *postgres.Tx, source uuid.UUID, f plan.Facts) error
	// Approve notes that the office accepted the work, and posts the money if the proof is verified too.
	Approve(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID) (posted bool, err error)
	// Confirm posts the money of a ticket that is approved and whose proof is verified; else it does nothing.
	Confirm(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID) (posted bool, err error)
	// Clawback takes back what a ticket paid, because rework mends it.
	Clawback(ctx context.Context, tx *postgres.Tx, ticket, rework uuid.UUID, reason string) error
}

// Units keeps the pieces that are installed.
type Units interface {
	// Installed notes that a piece was installed.
	Installed(ctx context.Context, tx *postgres.Tx, unit uuid.UUID) error
}

// Queue starts the automatic assignment.
type Queue interface {
	// Waits notes that a ticket begins to wait for somebody: it was opened, given back, or completed in what it lacked.
	Waits(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID) error
}

// What Service needs of the rooms above Tickets.

// Dispatcher chooses who gets a ticket.
type Dispatcher interface {
	// Propose ranks the technicians who may do a ticket, the best first.
	Propose(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID, limit int) ([]score.Candidate, error)
	// Auto assigns up to limit waiting tickets of a region; a zero region means all.
	Auto(ctx context.Context, org uuid.UUID, limit int, region uuid.UUID, actor string) (score.Round, error)
}

// Orders answers about the orders that tickets come from.
type Orders interface {
	// ProposalsOf lists what was said of the customer with an order.
	ProposalsOf(ctx context.Context, tx *postgres.Tx, order uuid.UUID) ([]*officev1.CustomerProposal, error)
}
