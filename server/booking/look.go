package booking

import (
	"context"

	"github.com/google/uuid"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Look implements Public.
func (r *Bookings) Look(ctx context.Context, scanned string) (Glimpse, error) {
	org, err := r.codes.Tenant(ctx, scanned)
	if err != nil {
		return Glimpse{}, err
	}
	var g Glimpse
	err = r.Store.Transact(ctx, org, func(tx *postgres.Tx) error {
		g = Glimpse{}
		t, err := r.codes.Identify(ctx, tx, scanned)
		if err != nil {
			return err
		}
		if g.Company, g.Zone, err = r.people.Company(ctx, tx); err != nil {
			return err
		}
		switch t.Kind {
		case token.Unit:
			g.Product = labelOf(t.Product)
		case token.Entry:
			var ok bool
			if g.Store, ok, err = r.people.Shop(ctx, tx, t.ID); err == nil && !ok {
				err = errUnknown("the store is gone")
			}
			if err == nil {
				g.Classes, err = r.goods.Classes(ctx, tx)
			}
		case token.Ticket:
			var view Ticket
			var ok bool
			if view, ok, err = r.tickets.Ticket(ctx, tx, t.ID); err == nil && !ok {
				err = errUnknown("the ticket is gone")
			}
			g.Progress = progressOf(view)
			if ok && view.Store != uuid.Nil {
				g.Store, _, err = r.people.Shop(ctx, tx, view.Store)
			}
		}
		if err != nil {
			return err
		}
		return r.codes.LogScan(ctx, tx, t)
	})
	return g, err
}

func labelOf(p *fieldv1.Product) Label {
	return Label{ZH: p.GetName().GetZh(), EN: p.GetName().GetEn()}
}

func progressOf(t Ticket) *Progress {
	p := &Progress{
		Number: t.Number, State: t.State, Product: t.Product, Stages: t.Stages, Earliest: t.Earliest,
		Latest: t.Latest,
	}
	p.WantedEarliest, p.WantedLatest, p.MayChange, p.MayRate, p.Stars = t.WantedEarliest, t.WantedLatest, t.MayChange,
		t.MayRate, t.Stars
	p.Extras = t.Extras
	if t.Technician != "" {
		p.Badge = Badge{Name: BadgeName(t.Technician), Number: t.Badge}
	}
	switch t.State {
	case fieldv1.TicketState_TICKET_STATE_CANCELED:
		p.End = "canceled"
	case fieldv1.TicketState_TICKET_STATE_CANNOT_COMPLETE:
		p.End = "cannot_complete"
	default:
	}
	return p
}
