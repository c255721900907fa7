// Package plan is the pure core of pay: a published plan version, the facts of a completed ticket and the
// payees' running measures of the month give lines, each with a trace that says why. It reads no clock and no
// database, so that a phone, a replay and the server come to the same fen.
package plan

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/money"
)

// Facts are what a completed ticket says about its pay. They are stored as JSON beside the accrual, so that a
// replay has them exactly.
type Facts struct {
	Ticket uuid.UUID `json:"ticket"`
	// Number is the ticket's number for people.
	Number string `json:"number"`
	// Class is the key of the product's class.
	Class string `json:"class"`
	// Rework is set when the ticket mends an earlier one.
	Rework bool `json:"rework,omitempty"`
	// Ordered is zero when there was no order.
	Ordered time.Time `json:"ordered,omitzero"`
	Opened  time.Time `json:"opened"`
	// Completed is the device time of the completion; it decides the day and the month.
	Completed  time.Time `json:"completed"`
	Parts      []Item    `json:"parts,omitempty"`
	Surcharges []Item    `json:"surcharges,omitempty"`
	// Payees share every line by weight; the order breaks ties of the split. Usually there is one.
	Payees []Share `json:"payees"`
}

// Item is a part built in or a surcharge taken.
type Item struct {
	SKU       string       `json:"sku"`
	Name      string       `json:"name,omitempty"`
	Quantity  int64        `json:"quantity"`
	UnitPrice money.Amount `json:"unit_price"`
}

// Share is one payee's weight.
type Share struct {
	Payee  uuid.UUID `json:"payee"`
	Weight int64     `json:"weight"`
}

// Measure is what a payee did so far in a calendar month under one plan.
type Measure struct {
	// Tickets that count in a tier.
	Tickets int64 `json:"tickets"`
	// BaseFees earned with them, in minor units of the plan's currency.
	BaseFees int64 `json:"base_fees"`
}

// ErrFacts is the reason when facts cannot be priced whatever the plan.
var ErrFacts = errors.New("plan: facts cannot be priced")

func (f Facts) check(c money.Currency) error {
	if f.Completed.IsZero() {
		return fmt.Errorf("%w: no time of completion", ErrFacts)
	}
	if len(f.Payees) == 0 {
		return fmt.Errorf("%w: nobody to pay", ErrFacts)
	}
	seen := map[uuid.UUID]bool{}
	for _, p := range f.Payees {
		if seen[p.Payee] || p.Weight < 0 {
			return fmt.Errorf("%w: payee %s twice or with a negative weight", ErrFacts, p.Payee)
		}
		seen[p.Payee] = true
	}
	for _, i := range append(append([]Item(nil), f.Parts...), f.Surcharges...) {
		if i.Quantity < 0 || i.UnitPrice.Minor < 0 {
			return fmt.Errorf("%w: item %s is negative", ErrFacts, i.SKU)
		}
		if i.UnitPrice.Currency != c {
			return fmt.Errorf("%w: item %s is priced in %s, the plan pays in %s", ErrFacts, i.SKU, i.UnitPrice.Currency, c)
		}
	}
	return nil
}
