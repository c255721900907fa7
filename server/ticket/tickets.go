// Package ticket is the room of tickets and visits: it opens them, gives them to technicians, takes in what
// technicians did offline, keeps the trail of every ticket, and shows each reader what that reader may see.
//
// The rules are pure and live in the packages below: state (states and moves), authority (who wins when both
// changed), checklist (templates), chain (the trail). What other rooms must do in the same transaction, or know
// for this one, is a hook of Tickets.
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
	"github.com/doorstep-dev/doorstep/server/ticket/checklist"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Tickets keeps tickets. Hooks marked optional may be nil.
type Tickets struct {
	Store *postgres.Store

	// Technician tells about a technician; NotFound for an unknown one.
	Technician func(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (Technician, error)
	// Product tells about a product of the catalogue; NotFound for an unknown one.
	Product func(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (Product, error)
	// PriceItem tells the price of a part or surcharge that holds at a time; NotFound for an unknown one.
	PriceItem func(ctx context.Context, tx *postgres.Tx, id uuid.UUID, at time.Time) (PriceItem, error)
	// Proofs lists what is attached to a visit, by its manifest.
	Proofs func(ctx context.Context, tx *postgres.Tx, visit uuid.UUID) ([]checklist.Proof, error)
	// Relate tells whether the caller, acting within reach, may relate a ticket to these things; what is not there, of
	// another kind or beyond the reach is a fault that names the field. The office's calls need it.
	Relate func(ctx context.Context, tx *postgres.Tx, who identity.Identity, reach identity.Reach, ends ...identity.End) error
	// Signatures tells how many signatures a ticket has, and whether the newest names what it shows. Optional.
	Signatures func(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID) (n int, named bool, err error)

	// Zone is the company's time zone, whose day is in a ticket's number. Optional: UTC.
	Zone func(ctx context.Context, tx *postgres.Tx) (*time.Location, error)
	// Language is the company's, zh or en. Optional: zh.
	Language func(ctx context.Context, tx *postgres.Tx) (string, error)
	// Pays tells what a job pays by today's plan, for the pool. Optional.
	Pays func(ctx context.Context, tx *postgres.Tx, c Completion) (money.Amount, error)
	// ProofsOfTicket lists a ticket's proofs for the office. Optional.
	ProofsOfTicket func(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID) ([]*fieldv1.Proof, error)
	// StoreName tells name and region of a shop of which only the id is known. Optional.
	StoreName func(ctx context.Context, tx *postgres.Tx, store uuid.UUID) (name string, region uuid.UUID, err error)

	// Completed is called in the transaction that completes a visit; pay accrues there. Optional.
	Completed func(ctx context.Context, tx *postgres.Tx, c Completion) error
	// Approved is called in the transaction in which the office accepts the work. Optional.
	Approved func(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID, actor string) error
	// Reworked is called in the transaction that opens a rework ticket for an earlier one. Optional.
	Reworked func(ctx context.Context, tx *postgres.Tx, original, rework uuid.UUID, reason string) error
	// Moved is called in the transaction that takes a ticket from one technician or gives it to another; a zero
	// id is nobody. Rooms that place entities of the ticket place them anew. Optional.
	Moved func(ctx context.Context, tx *postgres.Tx, ticket, from, to uuid.UUID) error

	// RegionName names a region; NotFound for an unknown one. Optional.
	RegionName func(ctx context.Context, tx *postgres.Tx, region uuid.UUID) (chinese, english string, err error)
	// Waits is called in the transaction in which a ticket begins to wait for somebody: it was opened, given back by a
	// decline or a no-show, or completed in what it lacked. Optional.
	Waits func(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID) error
	// ProposalsOfOrder lists what was said of the customer with an order. Optional.
	ProposalsOfOrder func(ctx context.Context, tx *postgres.Tx, order uuid.UUID) ([]*officev1.CustomerProposal, error)

	// Unsent tells which technicians have work on their phones that has no verdict yet. Optional.
	Unsent func(ctx context.Context, tx *postgres.Tx) ([]uuid.UUID, error)

	// Propose and AutoAssign are the dispatch room's. Optional: without them the calls are unavailable.
	Propose    func(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID, limit int) ([]score.Candidate, error)
	AutoAssign func(ctx context.Context, org uuid.UUID, limit int, region uuid.UUID, actor string) (score.Round, error)
}

// Technician is what this room needs to know of one.
type Technician struct {
	ID     uuid.UUID
	Name   string
	Badge  string
	Active bool
	Teams  []uuid.UUID
}

// Product is what this room needs to know of one.
type Product struct {
	Name    string
	Model   string
	ClassID uuid.UUID
	// TemplateID is any version of the checklist's template; the newest version is used. Zero for none.
	TemplateID uuid.UUID
	Skills     []string
	Duration   time.Duration
	// WarrantyMonths counts from the purchase.
	WarrantyMonths int
}

// PriceItem is a part or a surcharge at a price.
type PriceItem struct {
	Kind  fieldv1.PriceItemKind
	Name  string
	Price money.Amount
}

// Charge is a part or a surcharge of a completed job.
type Charge struct {
	ID          uuid.UUID
	Kind        fieldv1.PriceItemKind
	PriceItemID uuid.UUID
	Name        string
	Quantity    int
	UnitPrice   money.Amount
}

// Completion is the facts of a job as it is completed, or of a job in the pool as it would be.
type Completion struct {
	TicketID     uuid.UUID
	Number       string
	VisitID      uuid.UUID
	TechnicianID uuid.UUID
	BusinessType fieldv1.BusinessType
	Urgency      fieldv1.Urgency
	VIP          bool
	ProductID    uuid.UUID
	ClassID      uuid.UUID
	RegionID     uuid.UUID
	StoreID      uuid.UUID
	ReworkOf     uuid.UUID
	// OrderedAt is when the customer ordered; zero when there was no order.
	OrderedAt time.Time
	OpenedAt  time.Time
	// ArrivedAt and CompletedAt are by the device, within the clock check; TakenAt is the office's time.
	ArrivedAt   time.Time
	CompletedAt time.Time
	TakenAt     time.Time
	Charges     []Charge
}

// Actors of events.

// ByUser is a person of the office or a technician.
func ByUser(id uuid.UUID) string { return "user:" + id.String() }

// ByDevice is a phone.
func ByDevice(id uuid.UUID) string { return "device:" + id.String() }

// BySystem is a part of the server acting by itself.
func BySystem(name string) string { return "system:" + name }
