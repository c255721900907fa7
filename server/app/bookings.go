package app

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/google/uuid"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/booking"
	"github.com/doorstep-dev/doorstep/server/booking/page"
	"github.com/doorstep-dev/doorstep/server/catalogue"
	"github.com/doorstep-dev/doorstep/server/code"
	"github.com/doorstep-dev/doorstep/server/money"
	"github.com/doorstep-dev/doorstep/server/order"
	"github.com/doorstep-dev/doorstep/server/order/parse"
	"github.com/doorstep-dev/doorstep/server/rpc"
	"github.com/doorstep-dev/doorstep/server/ticket"
	"github.com/doorstep-dev/doorstep/server/ticket/agreement"
	"github.com/doorstep-dev/doorstep/server/ticket/state"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// formKey is the purpose of the key that seals the forms of public pages, quotaKey that of the hashes under which
// bookings are counted. They never change.
const (
	formKey  = "public forms v1"
	quotaKey = "booking quota v1"
)

// pages mounts the public pages behind printed codes.
func (a *App) pages(mux *http.ServeMux) {
	p := page.New(page.Config{
		Desk: a.Rooms.Booking, Log: a.config.Log, Now: a.config.Now, Secret: a.config.Secret.Key(formKey),
		Address: func(r *http.Request) netip.Addr { return rpc.Address(r.Context()) },
	})
	for _, path := range page.Paths() {
		mux.Handle(path, p)
	}
}

// bookingCodes are booking.Codes.
type bookingCodes struct{ *code.Codes }

func (c bookingCodes) Identify(ctx context.Context, tx *postgres.Tx, scanned string) (booking.Scanned, error) {
	t, err := c.ForStranger(ctx, tx, scanned)
	return booking.Scanned{Kind: t.Kind, ID: t.ID, Product: t.Product, Serial: t.Serial}, err
}

func (c bookingCodes) LockUnit(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (booking.Unit, error) {
	u, err := c.Codes.LockUnit(ctx, tx, id)
	return booking.Unit{
		ID: u.ID, Store: u.Store, PurchasedAt: u.PurchasedAt, WarrantyUntil: u.WarrantyUntil, OrderNumber: u.OrderNumber,
	}, err
}

func (c bookingCodes) LogScan(ctx context.Context, tx *postgres.Tx, s booking.Scanned) error {
	return c.Codes.LogScan(ctx, tx, "stranger", change.User{}, code.Target{Kind: s.Kind, ID: s.ID, Product: s.Product})
}

// bookingPeople are booking.People.
type bookingPeople struct{ *account.Accounts }

func (p bookingPeople) Company(ctx context.Context, tx *postgres.Tx) (booking.Label, *time.Location, error) {
	o, err := p.Accounts.Company(ctx, tx)
	return booking.Label{ZH: o.NameZH, EN: o.NameEN}, o.Zone, err
}

func (p bookingPeople) Shop(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (booking.Label, bool, error) {
	shop, err := p.Accounts.Shop(ctx, tx, id)
	if fault.CodeOf(err) == fault.NotFound {
		return booking.Label{}, false, nil
	}
	return booking.Label{ZH: shop.NameZH, EN: shop.NameEN}, err == nil, err
}

// bookingGoods are booking.Goods.
type bookingGoods struct{ catalogue *catalogue.Catalogue }

func (g bookingGoods) Classes(ctx context.Context, tx *postgres.Tx) ([]booking.Class, error) {
	all, err := g.catalogue.Classes(ctx, tx)
	out := make([]booking.Class, len(all))
	for i, c := range all {
		name := c.GetName()
		out[i] = booking.Class{Key: c.GetKey(), Name: booking.Label{ZH: name.GetZh(), EN: name.GetEn()}}
	}
	return out, err
}

func (g bookingGoods) OfClass(ctx context.Context, tx *postgres.Tx, key string) (*fieldv1.Product, bool, error) {
	class, ok, err := g.catalogue.ClassByKey(ctx, tx, key)
	if err != nil || !ok {
		return nil, false, err
	}
	if err := order.LockOrders(ctx, tx); err != nil { // an order follows
		return nil, false, err
	}
	p, err := g.catalogue.UnnamedProduct(ctx, tx, class)
	return p, err == nil, err
}

// bookingTickets are booking.Tickets: a booking becomes an order of one line and its ticket, as a scan does.
type bookingTickets struct {
	codeTickets
	accounts  *account.Accounts
	catalogue *catalogue.Catalogue
}

// Caller tells whether the phone number is that of the ticket's customer.
func (t bookingTickets) Caller(ctx context.Context, tx *postgres.Tx, id uuid.UUID, phone string) (bool, error) {
	given, err := parse.Phone(phone)
	if err != nil {
		return false, nil //nolint:nilerr // what is no number is nobody's
	}
	d, err := t.Get(ctx, tx, id, ticket.Reach{All: true}, true)
	if err != nil {
		return false, err
	}
	kept, err := parse.Phone(d.GetTicket().GetCustomer().GetPhone())
	return err == nil && kept == given, nil
}

func (t bookingTickets) Cancel(ctx context.Context, tx *postgres.Tx, id uuid.UUID, reason string) error {
	return t.CustomerCancels(ctx, tx, id, reason)
}

func (t bookingTickets) Approve(ctx context.Context, tx *postgres.Tx, id uuid.UUID, hash []byte) error {
	return t.CustomerApproves(ctx, tx, id, hash)
}

func (t bookingTickets) Reschedule(
	ctx context.Context, tx *postgres.Tx, id uuid.UUID, earliest, latest time.Time,
) error {
	return t.CustomerWants(ctx, tx, id, state.Window{From: earliest, To: latest})
}

func (t bookingTickets) Rate(ctx context.Context, tx *postgres.Tx, id uuid.UUID, stars int, comment string) error {
	return t.Tickets.Rate(ctx, tx, id, ticket.Rating{Stars: stars, Comment: comment}, ticket.ByCustomer)
}

// Ticket is a ticket as the public pages show it.
func (t bookingTickets) Ticket(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (booking.Ticket, bool, error) {
	p, err := t.ProgressOf(ctx, tx, id)
	if fault.CodeOf(err) == fault.NotFound {
		return booking.Ticket{}, false, nil
	}
	if err != nil {
		return booking.Ticket{}, false, err
	}
	out := booking.Ticket{
		Number: p.Number, State: fieldv1.TicketState(p.State), Store: p.StoreID,
		Product: booking.Label{ZH: p.ProductName}, Stages: stagesOf(p), Earliest: p.Arrival.From, Latest: p.Arrival.To,
		WantedEarliest: p.Wanted.From, WantedLatest: p.Wanted.To,
		MayChange: p.MayChange, MayRate: p.MayRate, Stars: p.Stars, Extras: extrasOf(p.Extras),
	}
	// The ticket keeps its product's name as it was; that is Chinese. The catalogue has the English one.
	if p.ProductID != uuid.Nil {
		product, ok, err := t.catalogue.Product(ctx, tx, p.ProductID)
		if err != nil {
			return out, false, err
		}
		if ok {
			out.Product.EN = product.GetName().GetEn()
		}
	}
	if p.TechnicianID != uuid.Nil {
		who, err := t.accounts.Technician(ctx, tx, p.TechnicianID)
		if err != nil {
			return out, false, err
		}
		out.Technician, out.Badge = who.NameZH, who.Badge
	}
	return out, true, nil
}

// stagesOf are the steps that a ticket has reached.
func stagesOf(p ticket.Progress) (out []booking.Stage) {
	for _, s := range []booking.Stage{
		{Key: "booked", At: p.Booked},
		{Key: "scheduled", At: p.Scheduled},
		{Key: "accepted", At: p.Accepted},
		{Key: "traveling", At: p.Traveling},
		{Key: "on_site", At: p.OnSite},
		{Key: "completed", At: p.Completed},
	} {
		if !s.At.IsZero() {
			out = append(out, s)
		}
	}
	return out
}

// extrasOf are a ticket's extras as the public page shows them.
func extrasOf(e ticket.Extras) booking.Extras {
	amount := func(m *typesv1.Money) money.Amount {
		return money.New(m.GetMinor(), money.Currency(m.GetCurrency()))
	}
	out := booking.Extras{Hash: e.Hash, Open: e.Open, MayApprove: e.MayApprove}
	for _, l := range e.Lines {
		out.Lines = append(out.Lines, booking.Extra{
			Name: l.GetName(), Quantity: int(l.GetQuantity()), Unit: amount(l.GetUnitPrice()), Sum: amount(l.GetSum()),
		})
	}
	for _, m := range agreement.Totals(e.Lines) {
		out.Totals = append(out.Totals, amount(m))
	}
	return out
}
