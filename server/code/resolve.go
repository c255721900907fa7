package code

import (
	"context"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/internal/fault"
	storev1 "github.com/doorstep-dev/doorstep/internal/gen/doorstep/store/v1"
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
//   - a clerk gets the unit and its ticket in work with the customer, of their own shop; of another shop's unit, what
//     it is and its warranty;
//   - the office gets all of it.

// staff are the roles that see every unit of the org.
var staff = []identity.Role{identity.Dispatcher, identity.Supervisor, identity.Admin, identity.Finance}

// Resolve tells the caller what a scanned text is, as far as the caller may know. Everything that is wrong with a code
// is code_unknown; a text that is no code is code_unreadable or code_check_digit.
func (r *Room) Resolve(ctx context.Context, who identity.Identity, scanned string) (*storev1.ResolveCodeResponse, error) {
	var out *storev1.ResolveCodeResponse
	err := r.Store.Transact(ctx, change.Org(who.Org), func(tx *postgres.Tx) error {
		t, err := r.identifyForStaff(ctx, tx, scanned, "", tx.Now())
		if err != nil {
			return err
		}
		out = &storev1.ResolveCodeResponse{Kind: storev1.CodeKind(t.Kind), Product: t.Product}
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
		return r.logScan(ctx, tx, roleWord(who), change.User(who.User), t)
	})
	return out, err
}

func (r *Room) resolveUnit(ctx context.Context, tx *postgres.Tx, who identity.Identity, t Target, out *storev1.ResolveCodeResponse) error {
	office, technician := who.Has(staff...), who.Has(identity.Technician)
	if technician || office {
		class, err := uuid.FromBytes(t.Product.GetClassId())
		if err == nil {
			if out.Parts, err = r.Hooks.Parts(ctx, tx, class); err != nil {
				return err
			}
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
	own := t.Unit.Store != uuid.Nil && who.Reaches(identity.Clerk, identity.ScopeStore, t.Unit.Store)
	if t.Unit.Store != uuid.Nil && (own || office || technician) {
		if out.StoreName, err = r.shopName(ctx, tx, t.Unit.Store); err != nil {
			return err
		}
	}
	if !own && !office && !technician {
		m.OrderNumber, m.PurchasedAt, m.StoreId = "", nil, nil
	}
	if technician || office {
		if out.History, err = r.Hooks.History(ctx, tx, t.ID); err != nil {
			return err
		}
	}
	open, ok, err := r.Hooks.InWork(ctx, tx, t.ID)
	if err != nil || !ok {
		return err
	}
	view, ok, err := r.Hooks.Ticket(ctx, tx, open)
	if err != nil || !ok {
		return err
	}
	out.OpenTicket = seenBy(who, view)
	return nil
}

func (r *Room) resolveTicket(ctx context.Context, tx *postgres.Tx, who identity.Identity, t Target, out *storev1.ResolveCodeResponse) error {
	view, ok, err := r.Hooks.Ticket(ctx, tx, t.ID)
	if err != nil {
		return err
	}
	if !ok {
		return errUnknown("the ticket is gone")
	}
	if out.OpenTicket = seenBy(who, view); out.OpenTicket == nil {
		return errUnknown("a ticket that the caller may not see")
	}
	return nil
}

// seenBy is the ticket as the caller may see it, nil when not at all.
func seenBy(who identity.Identity, t TicketView) *storev1.OpenTicket {
	m := openTicketMessage(t)
	switch {
	case who.Has(staff...):
	case t.Store != uuid.Nil && who.Reaches(identity.Clerk, identity.ScopeStore, t.Store):
	case who.Has(identity.Technician):
		m.CustomerName, m.CustomerPhone = "", ""
	default:
		return nil
	}
	return m
}

func roleWord(who identity.Identity) string {
	switch {
	case who.Has(staff...):
		return "office"
	case who.Has(identity.Technician):
		return "technician"
	case who.Has(identity.Clerk):
		return "clerk"
	}
	return "stranger"
}

func (r *Room) shopName(ctx context.Context, tx *postgres.Tx, store uuid.UUID) (string, error) {
	name, ok, err := r.Hooks.Shop(ctx, tx, store)
	if err == nil && !ok {
		err = errUnknown("the store is gone")
	}
	return name.In("zh"), err
}

// mayIssue tells whether the caller may issue and revoke codes of this target: the office all, a clerk those of the
// own shop and its units.
func (r *Room) mayIssue(ctx context.Context, tx *postgres.Tx, who identity.Identity, kind token.Kind, target uuid.UUID) error {
	if who.Has(identity.Dispatcher, identity.Supervisor, identity.Admin) {
		return nil
	}
	store := uuid.Nil
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
		view, _, err := r.Hooks.Ticket(ctx, tx, target)
		if err != nil {
			return err
		}
		store = view.Store
	}
	if store == uuid.Nil || !who.Reaches(identity.Clerk, identity.ScopeStore, store) {
		return fault.New(fault.NotFound, "")
	}
	return nil
}
