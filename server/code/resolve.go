package code

import (
	"context"

	"github.com/google/uuid"

	storev1 "github.com/doorstep-dev/doorstep/proto/doorstep/store/v1"
	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// One printed code, four answers:
//
//   - a stranger learns what the product is, or the shop's name, on the public pages;
//   - a technician gets the unit with purchase and warranty, its install history, the parts that fit and the number
//     of the ticket in work (扫码工单), but no customer;
//   - a clerk and the office get, within their reach, all of the unit and its ticket in work with the customer, the
//     office also history and parts;
//   - beyond their reach they get what the unit is and its warranty.

// keepers are the roles that see the units within their reach, office those of them that also see history and parts.
var (
	office  = []identity.Role{identity.Dispatcher, identity.Supervisor, identity.Finance, identity.Admin}
	keepers = append([]identity.Role{identity.Clerk}, office...)
)

// Resolve tells the caller what a scanned text is, as far as the caller may know. Everything that is wrong with a code
// is code_unknown; a text that is no code is code_unreadable or code_check_digit.
func (r *Codes) Resolve(
	ctx context.Context, who identity.Identity, scanned string,
) (*storev1.ResolveCodeResponse, error) {
	var out *storev1.ResolveCodeResponse
	err := r.Store.Transact(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		t, err := r.identifyForStaff(ctx, tx, scanned, "", tx.Now())
		if err != nil {
			return err
		}
		out = &storev1.ResolveCodeResponse{Kind: storev1.CodeKind(t.Kind), Product: t.Product, Serial: t.Serial}
		switch t.Kind {
		case token.Unit:
			err = r.resolveUnit(ctx, tx, who, t, out)
		case token.Entry:
			out.StoreName, err = r.shopName(ctx, tx, t.ID)
		case token.Ticket:
			err = r.resolveTicket(ctx, tx, who, t, out)
		}
		if err != nil {
			return err
		}
		word, err := r.standing(ctx, tx, who, t)
		if err != nil {
			return err
		}
		return r.LogScan(ctx, tx, word, change.User(who.User), t)
	})
	return out, err
}

func (r *Codes) resolveUnit(
	ctx context.Context, tx *postgres.Tx, who identity.Identity, t Target, out *storev1.ResolveCodeResponse,
) error {
	technician := who.For(identity.Technician).Self
	trade, err := r.people.Within(ctx, tx, who.For(office...), t.Unit.Store)
	if err != nil {
		return err
	}
	trade = trade || technician
	if class, err := uuid.FromBytes(t.Product.GetClassId()); trade && err == nil {
		if out.Parts, err = r.goods.Parts(ctx, tx, class); err != nil {
			return err
		}
	}
	if t.ID == uuid.Nil {
		return nil
	}
	m, err := unitMessage(ctx, tx, t.Unit)
	if err != nil {
		return err
	}
	out.Unit = m
	own, err := r.people.Within(ctx, tx, who.For(keepers...), t.Unit.Store)
	if err != nil {
		return err
	}
	if !own && !technician {
		m.OrderNumber, m.PurchasedAt, m.StoreId = "", nil, nil
		return nil
	}
	if t.Unit.Store != uuid.Nil {
		if out.StoreName, err = r.shopName(ctx, tx, t.Unit.Store); err != nil {
			return err
		}
	}
	if trade {
		if out.History, err = r.tickets.HistoryOfUnit(ctx, tx, t.ID, 20); err != nil {
			return err
		}
	}
	open, ok, err := r.tickets.InWork(ctx, tx, t.ID)
	if err != nil || !ok {
		return err
	}
	view, ok, err := r.tickets.Ticket(ctx, tx, open)
	if err != nil || !ok {
		return err
	}
	out.OpenTicket, err = r.seenBy(ctx, tx, who, view)
	return err
}

func (r *Codes) resolveTicket(
	ctx context.Context, tx *postgres.Tx, who identity.Identity, t Target, out *storev1.ResolveCodeResponse,
) error {
	view, ok, err := r.tickets.Ticket(ctx, tx, t.ID)
	if err != nil {
		return err
	}
	if !ok {
		return errUnknown("the ticket is gone")
	}
	if out.OpenTicket, err = r.seenBy(ctx, tx, who, view); err != nil {
		return err
	}
	if out.OpenTicket == nil {
		return errUnknown("a ticket that the caller may not see")
	}
	return nil
}

// seenBy is the ticket as the caller may see it, nil when not at all.
func (r *Codes) seenBy(
	ctx context.Context, tx *postgres.Tx, who identity.Identity, t Ticket,
) (*storev1.OpenTicket, error) {
	m := openTicketMessage(t)
	own, err := r.people.Within(ctx, tx, who.For(keepers...), t.Store)
	switch {
	case err != nil:
		return nil, err
	case own:
		m.CustomerName, m.CustomerPhone, err = r.tickets.Customer(ctx, tx, t.ID)
		return m, err
	case who.For(identity.Technician).Self:
		return m, nil
	}
	return nil, nil
}

// standing says by what right the caller saw what the code stands for, for the log of scans.
func (r *Codes) standing(ctx context.Context, tx *postgres.Tx, who identity.Identity, t Target) (string, error) {
	store := t.Unit.Store
	switch t.Kind {
	case token.Entry:
		store = t.ID
	case token.Ticket:
		view, _, err := r.tickets.Ticket(ctx, tx, t.ID)
		if err != nil {
			return "", err
		}
		store = view.Store
	}
	if ok, err := r.people.Within(ctx, tx, who.For(office...), store); err != nil || ok {
		return "office", err
	}
	if who.For(identity.Technician).Self {
		return "technician", nil
	}
	if ok, err := r.people.Within(ctx, tx, who.For(identity.Clerk), store); err != nil || ok {
		return "clerk", err
	}
	return "stranger", nil
}

func (r *Codes) shopName(ctx context.Context, tx *postgres.Tx, store uuid.UUID) (string, error) {
	name, ok, err := r.people.ShopName(ctx, tx, store)
	if err == nil && !ok {
		err = errUnknown("the store is gone")
	}
	return name, err
}

// within tells whether the target of a code lies within a reach. What does not, and what is not there, is NotFound.
func (r *Codes) within(
	ctx context.Context, tx *postgres.Tx, reach identity.Reach, field string, kind token.Kind, target uuid.UUID,
) error {
	var store uuid.UUID
	switch kind {
	case token.Unit:
		u, _, err := unitByID(ctx, tx, target)
		if err != nil {
			return err
		}
		store = u.Store
	case token.Entry:
		store = target
	case token.Ticket:
		view, _, err := r.tickets.Ticket(ctx, tx, target)
		if err != nil {
			return err
		}
		store = view.Store
	}
	ok, err := r.people.Within(ctx, tx, reach, store)
	if err == nil && !ok {
		err = identity.Unseen(field)
	}
	return err
}
