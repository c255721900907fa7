package order

import (
	"context"
	"errors"
	"strings"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/order/parse"
	"github.com/doorstep-dev/doorstep/server/order/refusal"
	"github.com/doorstep-dev/doorstep/server/order/scanned"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// byCustomer is the author of what a customer says with a booking.
const byCustomer = "客户 Customer"

// TakeScanned takes in a purchase of one piece and tells its ticket. Its number is the one on the box, if there is one;
// where an order with that number is somebody else's, and where there is none, the ticket gives the number. existing
// says that the unit had a ticket in work: nothing was opened, and ticket is that one.
func (r *Orders) TakeScanned(
	ctx context.Context, tx *postgres.Tx, s scanned.Purchase,
) (ticket uuid.UUID, existing bool, err error) {
	if ticket, existing, err = r.takeScanned(ctx, tx, s); err == nil && !existing {
		err = r.tickets.Remark(ctx, tx, ticket, s.Note, byCustomer, "system:"+s.Source)
	}
	return ticket, existing, err
}

func (r *Orders) takeScanned(
	ctx context.Context, tx *postgres.Tx, s scanned.Purchase,
) (ticket uuid.UUID, existing bool, err error) {
	p, err := r.purchaseOf(ctx, tx, s)
	if err != nil {
		return uuid.Nil, false, err
	}
	if s.Product == nil {
		// Nobody said what it is for: there is nothing to order yet, but somebody to call.
		return r.tickets.OpenUnknown(ctx, tx, s, p.Customer, p.Actor)
	}
	own := "S-" + strings.ToUpper(strings.ReplaceAll(s.Ticket.String(), "-", ""))[20:]
	if p.Number == "" {
		p.Number = own
	}
	taken, err := r.Take(ctx, tx, p)
	var refused *refusal.Error
	if errors.As(err, &refused) && refused.Code == refusal.OrderDiffers && p.Number != own {
		p.Number = own
		taken, err = r.Take(ctx, tx, p)
	}
	if err != nil || len(taken.Lines) == 0 || len(taken.Lines[0].Tickets) == 0 {
		return uuid.Nil, false, err
	}
	ticket = taken.Lines[0].Tickets[0]
	return ticket, ticket != s.Ticket, nil
}

// purchaseOf is a scanned purchase as an order of one line.
func (r *Orders) purchaseOf(ctx context.Context, tx *postgres.Tx, s scanned.Purchase) (Purchase, error) {
	currency, err := r.people.Currency(ctx, tx)
	if err != nil {
		return Purchase{}, err
	}
	p := Purchase{
		Source: s.Source, Number: s.OrderNumber, OrderedAt: s.PurchasedAt, Store: s.Store,
		WantedFrom: s.WantedEarliest, WantedTo: s.WantedUntil,
		Customer: Customer{Name: s.Name, Ref: s.Ticket.String(), Address: s.Address, Language: s.Language},
		Lines: []Line{{
			Key: s.Ticket.String(), Product: s.Product, Quantity: 1, Currency: currency,
			Ticket: s.Ticket, Unit: s.Unit, Serial: s.Serial,
		}},
		Actor: "system:" + s.Source, Unconfirmed: s.Unconfirmed,
	}
	if s.By != (change.User{}) {
		p.Actor, p.By = "user:"+uuid.UUID(s.By).String(), Counter(s.Store)
	}
	if s.Phone != "" {
		phone, err := parse.Phone(s.Phone)
		if err != nil {
			return Purchase{}, fault.Wrap(err, fault.InvalidArgument, "phone")
		}
		p.Customer.Phone, p.Customer.Ref = phone, ""
	}
	if s.Position != nil {
		p.Customer.At = &Point{Latitude: s.Position.Latitude, Longitude: s.Position.Longitude}
	}
	if p.OrderedAt.IsZero() {
		p.OrderedAt = s.At
	}
	return p, nil
}
