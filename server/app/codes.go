package app

import (
	"context"
	"crypto/ed25519"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/google/uuid"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/catalogue"
	"github.com/doorstep-dev/doorstep/server/code"
	"github.com/doorstep-dev/doorstep/server/code/page"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/money"
	"github.com/doorstep-dev/doorstep/server/order"
	"github.com/doorstep-dev/doorstep/server/order/parse"
	"github.com/doorstep-dev/doorstep/server/order/refusal"
	"github.com/doorstep-dev/doorstep/server/rpc"
	"github.com/doorstep-dev/doorstep/server/ticket"
	"github.com/doorstep-dev/doorstep/server/ticket/agreement"
	"github.com/doorstep-dev/doorstep/server/ticket/state"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// formKey is the purpose of the key that seals the forms of public pages. It never changes.
const formKey = "public forms v1"

// codes makes the room of codes: a scan or a booking becomes an order of one line and its ticket.
func (a *App) codes(r *Rooms) {
	c, keys, accounts, tickets, goods := a.config, r.Account.Keys, r.Account, r.Ticket, r.Catalogue
	r.Code = &code.Room{
		Store: r.Store, Log: c.Log, Now: c.Now, PublicURL: a.PublicURL, QuotaKey: c.Secret.Key("booking quota v1"),
		Keys: code.Keys{
			Signer: func(now time.Time) (string, ed25519.PrivateKey, error) {
				k, err := keys.Signer(account.UseCode, now)
				return k.ID, k.Private, err
			},
			Verifier: func(id string, now time.Time) (ed25519.PublicKey, bool) {
				return keys.Verifier(account.UseCode, id, now)
			},
		},
		Hooks: code.Hooks{
			OpenTicket: openScanned(accounts, r.Order, tickets),
			Ticket:     viewOf(accounts, goods, tickets),
			InWork: func(ctx context.Context, tx *postgres.Tx, unit uuid.UUID) (uuid.UUID, bool, error) {
				t, err := tickets.OpenOfUnit(ctx, tx, unit)
				if fault.CodeOf(err) == fault.NotFound {
					return uuid.Nil, false, nil
				}
				return idOf(t.GetId()), err == nil, err
			},
			Customer: func(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (name, phone string, err error) {
				t, err := tickets.Get(ctx, tx, id, ticket.Reach{All: true}, false)
				return t.GetTicket().GetCustomer().GetName(), t.GetTicket().GetCustomer().GetPhone(), err
			},
			Caller: callerOf(tickets),
			Cancel: tickets.CustomerCancels, Approve: tickets.CustomerApproves,
			Reschedule: func(ctx context.Context, tx *postgres.Tx, id uuid.UUID, earliest, latest time.Time) error {
				return tickets.CustomerWants(ctx, tx, id, state.Window{From: earliest, To: latest})
			},
			Rate: func(ctx context.Context, tx *postgres.Tx, id uuid.UUID, stars int, comment string) error {
				return tickets.Rate(ctx, tx, id, ticket.Rating{Stars: stars, Comment: comment}, ticket.ByCustomer)
			},
			History: func(ctx context.Context, tx *postgres.Tx, unit uuid.UUID) ([]*fieldv1.HistoryItem, error) {
				return tickets.HistoryOfUnit(ctx, tx, unit, 20)
			},
			Product: goods.Product, ProductByGTIN: goods.ProductByGTIN, Parts: goods.Parts,
			Classes: func(ctx context.Context, tx *postgres.Tx) ([]code.Class, error) {
				all, err := goods.Classes(ctx, tx)
				out := make([]code.Class, len(all))
				for i, c := range all {
					out[i] = code.Class{Key: c.GetKey(), Name: code.Label{ZH: c.GetName().GetZh(), EN: c.GetName().GetEn()}}
				}
				return out, err
			},
			OfClass: func(ctx context.Context, tx *postgres.Tx, key string) (*fieldv1.Product, bool, error) {
				class, ok, err := goods.ClassByKey(ctx, tx, key)
				if err != nil || !ok {
					return nil, false, err
				}
				if err := order.LockOrders(ctx, tx); err != nil { // an order follows
					return nil, false, err
				}
				p, err := goods.UnnamedProduct(ctx, tx, class)
				return p, err == nil, err
			},
			Shop: func(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (code.Label, bool, error) {
				p, err := accounts.Shop(ctx, tx, id)
				if fault.CodeOf(err) == fault.NotFound {
					return code.Label{}, false, nil
				}
				return code.Label{ZH: p.NameZH, EN: p.NameEN}, err == nil, err
			},
			Company: func(ctx context.Context, tx *postgres.Tx) (code.Label, *time.Location, error) {
				o, err := accounts.Company(ctx, tx)
				return code.Label{ZH: o.NameZH, EN: o.NameEN}, o.Zone, err
			},
			Within: func(ctx context.Context, tx *postgres.Tx, reach identity.Reach, store uuid.UUID) (bool, error) {
				return accounts.Reaches(ctx, tx, reach, identity.ScopeStore, store)
			},
			Serves: func(ctx context.Context, tx *postgres.Tx, user change.User, store uuid.UUID, at time.Time) (bool, error) {
				return accounts.Held(ctx, tx, uuid.UUID(user), identity.Clerk, store, at)
			},
		},
	}
}

// pages mounts the public pages behind printed codes.
func (a *App) pages(mux *http.ServeMux) {
	p := page.New(page.Config{
		Desk: a.Rooms.Code, Log: a.config.Log, Now: a.config.Now, Secret: a.config.Secret.Key(formKey),
		Address: func(r *http.Request) netip.Addr { return rpc.Address(r.Context()) },
	})
	for _, path := range page.Paths() {
		mux.Handle(path, p)
	}
}

// openScanned takes in a purchase of one piece. Its number is the one on the box, if there is one; where an order
// with that number is somebody else's, and where there is none, the ticket gives the number.
func openScanned(accounts *account.Accounts, orders *order.Orders, tickets *ticket.Tickets) func(context.Context, *postgres.Tx, code.Opening) (uuid.UUID, bool, error) {
	take := takeScanned(accounts, orders, tickets)
	return func(ctx context.Context, tx *postgres.Tx, o code.Opening) (uuid.UUID, bool, error) {
		id, existing, err := take(ctx, tx, o)
		if err == nil && !existing {
			err = tickets.Remark(ctx, tx, id, o.Note, "客户 Customer", ticket.BySystem(o.Source))
		}
		return id, existing, err
	}
}

func takeScanned(accounts *account.Accounts, orders *order.Orders, tickets *ticket.Tickets) func(context.Context, *postgres.Tx, code.Opening) (uuid.UUID, bool, error) {
	return func(ctx context.Context, tx *postgres.Tx, o code.Opening) (uuid.UUID, bool, error) {
		org, err := accounts.Company(ctx, tx)
		if err != nil {
			return uuid.Nil, false, err
		}
		p := order.Purchase{
			Source: o.Source, Number: o.OrderNumber, OrderedAt: o.PurchasedAt, Store: o.Store, WantedFrom: o.WantedEarliest, WantedTo: o.WantedUntil,
			Customer: order.Customer{Name: o.Name, Ref: o.Ticket.String(), Address: o.Address, Language: o.Language},
			Lines:    []order.Line{{Key: o.Ticket.String(), Product: o.Product, Quantity: 1, Currency: org.Currency, Ticket: o.Ticket, Unit: o.Unit, Serial: o.Serial}},
			Actor:    ticket.BySystem(o.Source), Unconfirmed: o.Unconfirmed,
		}
		if o.By != (change.User{}) {
			p.Actor, p.By = ticket.ByUser(uuid.UUID(o.By)), order.Counter(o.Store)
		}
		if o.Phone != "" {
			phone, err := parse.Phone(o.Phone)
			if err != nil {
				return uuid.Nil, false, fault.Wrap(err, fault.InvalidArgument, "phone")
			}
			p.Customer.Phone, p.Customer.Ref = phone, ""
		}
		if o.Position != nil {
			p.Customer.At = &order.Point{Latitude: o.Position.Latitude, Longitude: o.Position.Longitude}
		}
		if p.OrderedAt.IsZero() {
			p.OrderedAt = o.At
		}
		if o.Product == nil {
			// Nobody said what it is for: there is nothing to order yet, but somebody to call.
			opened, err := tickets.Open(ctx, tx, ticket.OpenRequest{
				ID: o.Ticket, Source: o.Source, SourceKey: o.Ticket.String(), Actor: p.Actor, ProductName: "待确认 To be confirmed",
				Customer: ticket.Customer{Name: o.Name, Phone: p.Customer.Phone, Address: o.Address, Language: o.Language},
				StoreID:  o.Store, Wanted: state.Window{From: o.WantedEarliest, To: o.WantedUntil},
			})
			return opened.TicketID, opened.Existing, err
		}
		own := "S-" + strings.ToUpper(strings.ReplaceAll(o.Ticket.String(), "-", ""))[20:]
		if p.Number == "" {
			p.Number = own
		}
		taken, err := orders.Take(ctx, tx, p)
		var refused *refusal.Error
		if errors.As(err, &refused) && refused.Code == refusal.OrderDiffers && p.Number != own {
			p.Number = own
			taken, err = orders.Take(ctx, tx, p)
		}
		if err != nil || len(taken.Lines) == 0 || len(taken.Lines[0].Tickets) == 0 {
			return uuid.Nil, false, err
		}
		id := taken.Lines[0].Tickets[0]
		return id, id != o.Ticket, nil
	}
}

// extrasOf are a ticket's extras as the public page shows them.
func extrasOf(e ticket.Extras) code.Extras {
	amount := func(m *typesv1.Money) money.Amount { return money.New(m.GetMinor(), money.Currency(m.GetCurrency())) }
	out := code.Extras{Hash: e.Hash, Open: e.Open, MayApprove: e.MayApprove}
	for _, l := range e.Lines {
		out.Lines = append(out.Lines, code.Extra{Name: l.GetName(), Quantity: int(l.GetQuantity()), Unit: amount(l.GetUnitPrice()), Sum: amount(l.GetSum())})
	}
	for _, m := range agreement.Totals(e.Lines) {
		out.Totals = append(out.Totals, amount(m))
	}
	return out
}

// viewOf is a ticket as the public pages and the counter show it.
func viewOf(accounts *account.Accounts, goods *catalogue.Catalogue, tickets *ticket.Tickets) func(context.Context, *postgres.Tx, uuid.UUID) (code.TicketView, bool, error) {
	return func(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (code.TicketView, bool, error) {
		p, err := tickets.ProgressOf(ctx, tx, id)
		if fault.CodeOf(err) == fault.NotFound {
			return code.TicketView{}, false, nil
		}
		if err != nil {
			return code.TicketView{}, false, err
		}
		v := code.TicketView{
			ID: id, Number: p.Number, State: fieldv1.TicketState(p.State), Unit: p.UnitID, Store: p.StoreID,
			Product: code.Label{ZH: p.ProductName}, OpenedAt: p.Booked, Earliest: p.Arrival.From, Latest: p.Arrival.To,
			WantedEarliest: p.Wanted.From, WantedLatest: p.Wanted.To, MayChange: p.MayChange, MayRate: p.MayRate, Stars: p.Stars,
			Extras: extrasOf(p.Extras),
		}
		for _, s := range []code.Stage{
			{Key: "booked", At: p.Booked},
			{Key: "scheduled", At: p.Scheduled},
			{Key: "accepted", At: p.Accepted},
			{Key: "traveling", At: p.Traveling},
			{Key: "on_site", At: p.OnSite},
			{Key: "completed", At: p.Completed},
		} {
			if !s.At.IsZero() {
				v.Stages = append(v.Stages, s)
			}
		}
		// The ticket keeps its product's name as it was; that is Chinese. The catalogue has the English one.
		if p.ProductID != uuid.Nil {
			product, ok, err := goods.Product(ctx, tx, p.ProductID)
			if err != nil {
				return v, false, err
			}
			if ok {
				v.Product.EN = product.GetName().GetEn()
			}
		}
		if p.TechnicianID != uuid.Nil {
			t, err := accounts.Technician(ctx, tx, p.TechnicianID)
			if err != nil {
				return v, false, err
			}
			v.Technician, v.Badge = t.NameZH, t.Badge
		}
		return v, true, nil
	}
}

func callerOf(tickets *ticket.Tickets) func(context.Context, *postgres.Tx, uuid.UUID, string) (bool, error) {
	return func(ctx context.Context, tx *postgres.Tx, id uuid.UUID, phone string) (bool, error) {
		given, err := parse.Phone(phone)
		if err != nil {
			return false, nil //nolint:nilerr // what is no number is nobody's
		}
		t, err := tickets.Get(ctx, tx, id, ticket.Reach{All: true}, true)
		if err != nil {
			return false, err
		}
		kept, err := parse.Phone(t.GetTicket().GetCustomer().GetPhone())
		return err == nil && kept == given, nil
	}
}
