package app

import (
	"context"

	"github.com/google/uuid"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/dispatch/score"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/order"
	"github.com/doorstep-dev/doorstep/server/ticket"
	"github.com/doorstep-dev/doorstep/server/ticket/state"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// phoneKey is the purpose of the key under which phone numbers are found. It never changes.
const phoneKey = "customer phone v1"

// orders makes the room of orders: each piece of an order opens its ticket in the transaction that takes it in.
func (a *App) orders(r *Rooms) {
	c, accounts, tickets := r.Catalogue, r.Account, r.Ticket
	r.Order = &order.Orders{Store: r.Store, Now: a.config.Now, PhoneKey: a.config.Secret.Key(phoneKey), Hooks: order.Hooks{
		Product: c.Product, ProductBySKU: c.ProductBySKU, ProductByGTIN: c.ProductByGTIN, ProductByModel: c.ProductByModel,
		ClassByKey: c.ClassByKey, UnnamedProduct: c.UnnamedProduct,
		Relate:   accounts.Relate,
		Currency: currency(accounts),
		Places:   func(ctx context.Context, tx *postgres.Tx) ([]order.Place, error) { return places(ctx, tx, accounts) },
		OpenTicket: func(ctx context.Context, tx *postgres.Tx, o order.Opening) (uuid.UUID, error) {
			opened, err := tickets.Open(ctx, tx, requestOf(o))
			return opened.TicketID, err
		},
		Met: tickets.Met, Trail: tickets.Trail, LockTickets: tickets.LockAll,
	}}
	tickets.ProposalsOfOrder = func(ctx context.Context, tx *postgres.Tx, id uuid.UUID) ([]*officev1.CustomerProposal, error) {
		all, err := r.Order.Proposals(ctx, tx, order.ProposalFilter{Order: id, Decided: true})
		out := make([]*officev1.CustomerProposal, len(all))
		for i, p := range all {
			out[i] = p.Wire()
		}
		return out, err
	}
}

func currency(accounts *account.Accounts) func(context.Context, *postgres.Tx) (string, error) {
	return func(ctx context.Context, tx *postgres.Tx) (string, error) {
		company, err := accounts.Company(ctx, tx)
		return company.Currency, err
	}
}

func places(ctx context.Context, tx *postgres.Tx, accounts *account.Accounts) ([]order.Place, error) {
	all, err := accounts.Places(ctx, tx)
	var out []order.Place
	for _, p := range all {
		if p.Kind == identity.ScopeTeam {
			continue
		}
		q := order.Place{ID: p.ID, Shop: p.Kind == identity.ScopeStore, NameZH: p.NameZH, NameEN: p.NameEN, Region: p.Region}
		if p.At != nil {
			q.At = &order.Point{Latitude: p.At.Latitude, Longitude: p.At.Longitude}
		}
		out = append(out, q)
	}
	return out, err
}

func requestOf(o order.Opening) ticket.OpenRequest {
	q := ticket.OpenRequest{
		ID: o.Ticket, Source: "order", SourceKey: o.Key, Actor: o.Actor, ProductID: idOf(o.Product.GetId()), ProductName: o.Product.GetName().GetZh(),
		Customer: ticket.Customer{ID: o.Customer.ID, Name: o.Customer.Name, Phone: o.Customer.Phone, Address: o.Customer.Address, VIP: o.Customer.VIP, Language: o.Customer.Language},
		UnitID:   o.Unit, Serial: o.Serial, PurchasedAt: o.OrderedAt, OrderID: o.Order, OrderNumber: o.OrderNumber,
		StoreID: o.Store, RegionID: o.Region, Wanted: state.Window{From: o.WantedFrom, To: o.WantedTo},
		BusinessType: fieldv1.BusinessType_BUSINESS_TYPE_INSTALL, Urgency: fieldv1.Urgency_URGENCY_NORMAL,
	}
	if o.Rush {
		q.Urgency = fieldv1.Urgency_URGENCY_RUSH
	}
	// A shop that gives customers by its own number reaches them itself; a scan's only stands for the ticket.
	q.Customer.NoPhone = o.Customer.Phone == "" && o.Customer.Ref != "" && o.Customer.Ref != o.Ticket.String()
	q.Bulk, q.Unconfirmed = o.Bulk, o.Unconfirmed
	if o.Customer.At != nil {
		q.Customer.At = &score.Point{Latitude: o.Customer.At.Latitude, Longitude: o.Customer.At.Longitude}
	}
	return q
}
