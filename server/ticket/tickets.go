// Package ticket is the room of tickets and visits: it opens them, gives them to technicians, takes in what
// technicians did offline, keeps the trail of every ticket, and shows each reader what that reader may see.
//
// The rules are pure and live in the packages below: state (states and moves), authority (who wins when both
// changed), checklist (templates), chain (the trail). What other rooms must do in the same transaction, or know
// for this one, is in ports.go.
package ticket

import (
	"time"

	"github.com/google/uuid"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/money"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Tickets keeps tickets. Make it with New.
type Tickets struct {
	Store    *postgres.Store
	people   People
	goods    Goods
	proofs   Proofs
	earnings Earnings
	units    Units
	queue    Queue
}

// New makes the room of tickets on the rooms that it calls.
func New(
	store *postgres.Store, people People, goods Goods, proofs Proofs, earnings Earnings, units Units, queue Queue,
) *Tickets {
	return &Tickets{store, people, goods, proofs, earnings, units, queue}
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
	Kind fieldv1.PriceItemKind
	Name string
	// SKU is what the price list and the pay plans call it.
	SKU   string
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

// Actors of events.

// ByUser is a person of the office or a technician.
func ByUser(id uuid.UUID) string { return "user:" + id.String() }

// ByDevice is a phone.
func ByDevice(id uuid.UUID) string { return "device:" + id.String() }

// BySystem is a part of the server acting by itself.
func BySystem(name string) string { return "system:" + name }
