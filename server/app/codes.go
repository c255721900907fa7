package app

import (
	"context"
	"crypto/ed25519"
	"time"

	"github.com/google/uuid"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/code"
	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/order"
	"github.com/doorstep-dev/doorstep/server/order/scanned"
	"github.com/doorstep-dev/doorstep/server/ticket"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// codeKeys are code.Keys.
type codeKeys struct{ *account.Keyring }

func (k codeKeys) Signer(now time.Time) (string, ed25519.PrivateKey, error) {
	key, err := k.Keyring.Signer(account.UseCode, now)
	return key.ID, key.Private, err
}

func (k codeKeys) Verifier(id string, now time.Time) (ed25519.PublicKey, bool) {
	return k.Keyring.Verifier(account.UseCode, id, now)
}

// codePeople are code.People.
type codePeople struct{ *account.Accounts }

func (p codePeople) CompanyName(ctx context.Context, tx *postgres.Tx) (string, error) {
	o, err := p.Company(ctx, tx)
	return chineseFirst(o.NameZH, o.NameEN), err
}

func (p codePeople) ShopName(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (string, bool, error) {
	shop, err := p.Shop(ctx, tx, id)
	if fault.CodeOf(err) == fault.NotFound {
		return "", false, nil
	}
	return chineseFirst(shop.NameZH, shop.NameEN), err == nil, err
}

func chineseFirst(zh, en string) string {
	if zh != "" {
		return zh
	}
	return en
}

func (p codePeople) Within(
	ctx context.Context, tx *postgres.Tx, reach identity.Reach, store uuid.UUID,
) (bool, error) {
	return p.Reaches(ctx, tx, reach, identity.ScopeStore, store)
}

func (p codePeople) Serves(
	ctx context.Context, tx *postgres.Tx, user change.User, store uuid.UUID, at time.Time,
) (bool, error) {
	return p.Held(ctx, tx, uuid.UUID(user), identity.Clerk, store, at)
}

// codeTickets are code.Tickets: a scan becomes an order of one line and its ticket.
type codeTickets struct {
	*ticket.Tickets
	orders *order.Orders
}

func (t codeTickets) OpenTicket(ctx context.Context, tx *postgres.Tx, p scanned.Purchase) (uuid.UUID, bool, error) {
	return t.orders.TakeScanned(ctx, tx, p)
}

func (t codeTickets) Ticket(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (code.Ticket, bool, error) {
	p, err := t.ProgressOf(ctx, tx, id)
	if fault.CodeOf(err) == fault.NotFound {
		return code.Ticket{}, false, nil
	}
	return code.Ticket{
		ID: id, Number: p.Number, State: fieldv1.TicketState(p.State), Unit: p.UnitID, Store: p.StoreID,
		ProductName: p.ProductName, OpenedAt: p.Booked,
	}, err == nil, err
}

func (t codeTickets) InWork(ctx context.Context, tx *postgres.Tx, unit uuid.UUID) (uuid.UUID, bool, error) {
	open, err := t.OpenOfUnit(ctx, tx, unit)
	if fault.CodeOf(err) == fault.NotFound {
		return uuid.Nil, false, nil
	}
	return idOf(open.GetId()), err == nil, err
}

func (t codeTickets) Customer(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (name, phone string, err error) {
	d, err := t.Get(ctx, tx, id, ticket.Reach{All: true}, false)
	return d.GetTicket().GetCustomer().GetName(), d.GetTicket().GetCustomer().GetPhone(), err
}

// explainCodes are explain.Codes.
type explainCodes struct {
	codes   *code.Codes
	tickets codeTickets
}

// TicketOf finds the ticket of a code: its own, or the open one of its unit.
func (c explainCodes) TicketOf(ctx context.Context, tx *postgres.Tx, text string) (uuid.UUID, error) {
	i, err := c.codes.FindCode(ctx, tx, text)
	if err != nil {
		return uuid.Nil, err
	}
	switch i.Kind {
	case token.Ticket:
		return i.Target, nil
	case token.Unit:
		id, ok, err := c.tickets.InWork(ctx, tx, i.Target)
		if err != nil || ok {
			return id, err
		}
	}
	return uuid.Nil, fault.New(fault.NotFound, "ticket")
}
