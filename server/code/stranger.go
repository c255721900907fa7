package code

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/clientgen/golang/codes/gs1"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/server/rpc"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

var _ Public = (*Room)(nil)

// tenant finds out which org a scanned text belongs to: by the handle that a signed code's id ends in, or by the host
// or the /g/ prefix of a product link. Nothing else has a tenant, and is unknown to strangers.
func (r *Room) tenant(ctx context.Context, scanned string) (change.Org, error) {
	if text, ok := token.FromScan(scanned); ok {
		// The signature is checked before the database is asked anything.
		t, err := r.verify(text, r.Now())
		if err != nil {
			return change.Org{}, err
		}
		return r.orgOf(ctx, t.Handle().String())
	}
	k, err := gs1.Parse(scanned)
	if err != nil || k.Host == "" {
		return change.Org{}, errUnknown("no link and no signed code")
	}
	public, err := url.Parse(r.PublicURL())
	if err != nil {
		return change.Org{}, fault.Wrap(err, fault.Internal, "")
	}
	if !strings.EqualFold(public.Host, k.Host) {
		// Served under a company's own name; with the port cut off where there is one.
		name, _, _ := strings.Cut(k.Host, ":")
		if org, err := r.orgOf(ctx, name); err == nil || fault.CodeOf(err) != fault.CodeUnknown {
			return org, err
		}
	}
	handle, ok := strings.CutPrefix("/"+k.Prefix, strings.TrimRight(public.Path, "/")+"/g/")
	if !ok {
		return change.Org{}, errUnknown("a link of nobody here")
	}
	return r.orgOf(ctx, handle)
}

// Look implements Public.
func (r *Room) Look(ctx context.Context, scanned string) (Glimpse, error) {
	org, err := r.tenant(ctx, scanned)
	if err != nil {
		return Glimpse{}, err
	}
	var g Glimpse
	err = r.Store.Transact(ctx, org, func(tx *postgres.Tx) error {
		g = Glimpse{}
		t, err := r.forStranger(ctx, tx, scanned)
		if err != nil {
			return err
		}
		if g.Company, g.Zone, err = r.Hooks.Company(ctx, tx); err != nil {
			return err
		}
		switch t.Kind {
		case token.Unit:
			g.Product = labelOf(t.Product)
		case token.Entry:
			var ok bool
			if g.Store, ok, err = r.Hooks.Shop(ctx, tx, t.ID); err == nil && !ok {
				err = errUnknown("the store is gone")
			}
			if err == nil {
				g.Classes, err = r.Hooks.Classes(ctx, tx)
			}
		case token.Ticket:
			var view TicketView
			var ok bool
			if view, ok, err = r.Hooks.Ticket(ctx, tx, t.ID); err == nil && !ok {
				err = errUnknown("the ticket is gone")
			}
			g.Progress = progressOf(view)
			if ok && view.Store != uuid.Nil {
				g.Store, _, err = r.Hooks.Shop(ctx, tx, view.Store)
			}
		}
		if err != nil {
			return err
		}
		return r.logScan(ctx, tx, "stranger", change.User{}, t)
	})
	return g, err
}

// forStranger identifies a code and makes every refusal the same. A serial that was never registered is unknown: who
// counts through serial numbers learns nothing that a box in a shop does not say.
func (r *Room) forStranger(ctx context.Context, tx *postgres.Tx, scanned string) (Target, error) {
	t, err := r.identify(ctx, tx, scanned, tx.Now())
	if err != nil {
		if k := fault.CodeOf(err).Kind(); k == fault.KindInvalid || k == fault.KindNotFound {
			err = fault.Wrap(err, fault.CodeUnknown, "")
		}
		return Target{}, err
	}
	if t.Kind == token.Unit && t.ID == uuid.Nil && t.Serial != "" {
		return Target{}, errUnknown("no such serial")
	}
	return t, nil
}

// Bookings within an hour, over all servers: from one address, under one phone number, of one shop or product. The last is
// out of reach of any one address: strangers cannot close a shop for its customers.
const (
	bookingsOfAddress = 20
	bookingsOfPhone   = 5
	bookingsOfTarget  = 300
)

// spend counts a booking against its limits. A booking without an address (none comes so over the network) counts as one of the same.
func (r *Room) spend(ctx context.Context, tx *postgres.Tx, w Wish, target uuid.UUID) error {
	digits := strings.Map(func(c rune) rune {
		if c < '0' || c > '9' {
			return -1
		}
		return c
	}, w.Phone)
	digits = digits[max(0, len(digits)-11):] // with and without the country's prefix
	wait, ok, err := tx.Spend(ctx, time.Hour,
		postgres.Quota{Key: r.quotaKey("address", rpc.AddressKey(w.From)), Most: bookingsOfAddress},
		postgres.Quota{Key: r.quotaKey("phone", digits), Most: bookingsOfPhone},
		postgres.Quota{Key: r.quotaKey("target", string(target[:])), Most: bookingsOfTarget})
	if err == nil && !ok {
		err = fault.New(fault.RateLimited, "").After(wait)
	}
	return err
}

func (r *Room) quotaKey(kind, value string) []byte {
	m := hmac.New(sha256.New, r.QuotaKey)
	m.Write([]byte(kind + "\x00" + value))
	return m.Sum(nil)[:16]
}

// Book implements Public.
func (r *Room) Book(ctx context.Context, w Wish) (Booked, error) {
	if err := w.Check(r.Now()); err != nil {
		return Booked{}, err
	}
	if w.Request == uuid.Nil {
		return Booked{}, fault.New(fault.InvalidArgument, "request: an id is needed")
	}
	org, err := r.tenant(ctx, w.Code)
	if err != nil {
		return Booked{}, err
	}
	var b Booked
	err = r.Store.Transact(ctx, org, func(tx *postgres.Tx) error {
		b = Booked{}
		t, err := r.forStranger(ctx, tx, w.Code)
		if err != nil {
			return err
		}
		if t.Kind == token.Ticket {
			return errUnknown("a ticket's code books nothing")
		}
		b, err = r.book(ctx, tx, w, t)
		return err
	})
	if err == nil {
		err = r.Store.ForgetQuotas(ctx, org, r.Now().Add(-48*time.Hour))
	}
	return b, err
}

func (r *Room) book(ctx context.Context, tx *postgres.Tx, w Wish, t Target) (Booked, error) {
	target := t.ID
	if target == uuid.Nil {
		target = uuid.UUID(t.Product.GetId())
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Booked{}, err
	}
	// The same request sent twice at once meets here: the second waits for the first, and then finds its row.
	tag, err := tx.Exec(ctx, `
		INSERT INTO code_booking (org_id, request_id, target_id, ticket_id, number, at, language) VALUES ($1, $2, $3, $4, '', $5, $6)
		ON CONFLICT DO NOTHING`, tx.OrgID(), w.Request, target, id, tx.Now(), w.Language)
	if err != nil {
		return Booked{}, err
	}
	if tag.RowsAffected() == 0 {
		return r.bookedBefore(ctx, tx, w.Request, target)
	}
	if err := r.spend(ctx, tx, w, target); err != nil {
		return Booked{}, err
	}
	ticket, err := r.ticketFor(ctx, tx, w, t, id)
	if err != nil {
		return Booked{}, err
	}
	view, ok, err := r.Hooks.Ticket(ctx, tx, ticket)
	if err != nil {
		return Booked{}, err
	}
	if !ok {
		return Booked{}, fault.New(fault.Internal, "the booked ticket is gone")
	}
	_, err = tx.Exec(ctx, `UPDATE code_booking SET ticket_id = $3, number = $4 WHERE org_id = $1 AND request_id = $2`,
		tx.OrgID(), w.Request, ticket, view.Number)
	if err != nil {
		return Booked{}, err
	}
	return r.bookedAs(ctx, tx, ticket, view.Number)
}

func (r *Room) bookedBefore(ctx context.Context, tx *postgres.Tx, request, target uuid.UUID) (Booked, error) {
	var of, ticket uuid.UUID
	var number string
	err := tx.QueryRow(ctx, `SELECT target_id, ticket_id, number FROM code_booking WHERE org_id = $1 AND request_id = $2`, tx.OrgID(), request).
		Scan(&of, &ticket, &number)
	if err != nil {
		return Booked{}, err
	}
	if of != target {
		return Booked{}, fault.New(fault.InvalidArgument, "request: the id was used for another code")
	}
	return r.bookedAs(ctx, tx, ticket, number)
}

// ticketFor opens the ticket that is wished for, with this id. Where the unit has one in work, whoever books gets a
// ticket of the product alone, which the office confirms, and so learns neither that there is another nor whose it is.
func (r *Room) ticketFor(ctx context.Context, tx *postgres.Tx, w Wish, t Target, id uuid.UUID) (uuid.UUID, error) {
	o := Opening{
		Ticket: id, Source: "booking", Product: t.Product, Serial: t.Serial,
		Name: strings.TrimSpace(w.Name), Phone: strings.TrimSpace(w.Phone), Address: strings.TrimSpace(w.Address), Note: strings.TrimSpace(w.Note),
		WantedEarliest: w.Earliest, WantedUntil: w.Latest, At: tx.Now(), Language: w.Language,
	}
	if t.Kind == token.Entry {
		return r.bookAtEntry(ctx, tx, o, t.ID, w.Class)
	}
	u, err := lockTarget(ctx, tx, Target{ID: t.ID})
	if err != nil {
		return uuid.Nil, err
	}
	o.Store, o.PurchasedAt, o.WarrantyUntil = u.Store, u.PurchasedAt, u.WarrantyUntil
	if u.ID != uuid.Nil {
		o.Unit, o.OrderNumber = u.ID, u.OrderNumber
		open, inWork, err := r.Hooks.InWork(ctx, tx, u.ID)
		if err == nil && !inWork {
			open, inWork, err = r.Hooks.OpenTicket(ctx, tx, o)
		}
		if err != nil || !inWork {
			return open, err
		}
		// Everybody gets the same answer, also with the number of that ticket's customer, for a number is no secret. Only
		// the remark for the office differs; nobody is sent before the office has said that it is a job of its own.
		same, err := r.Hooks.Caller(ctx, tx, open, o.Phone)
		if err != nil {
			return uuid.Nil, err
		}
		remark := "该机已有未完成工单 / This unit has a ticket in work. "
		if same {
			remark = "该机已有未完成工单，电话与其客户相同 / This unit has a ticket in work, of a customer with the same phone number. "
		}
		o.Unit, o.OrderNumber, o.Unconfirmed = uuid.Nil, "", true
		o.Note = strings.TrimSpace(remark + o.Note)
	}
	opened, _, err := r.Hooks.OpenTicket(ctx, tx, o)
	return opened, err
}

func (r *Room) bookAtEntry(ctx context.Context, tx *postgres.Tx, o Opening, store uuid.UUID, class string) (uuid.UUID, error) {
	o.Store = store
	if class != "" {
		p, ok, err := r.Hooks.OfClass(ctx, tx, class)
		if err != nil {
			return uuid.Nil, err
		}
		if !ok {
			return uuid.Nil, fault.New(fault.InvalidArgument, "class: one of those that are offered")
		}
		o.Product = p
	}
	id, _, err := r.Hooks.OpenTicket(ctx, tx, o)
	return id, err
}

// bookedAs issues the customer's code for the ticket.
func (r *Room) bookedAs(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID, number string) (Booked, error) {
	text, _, err := r.TicketToken(ctx, tx, ticket)
	return Booked{Number: number, Token: text}, err
}

// TicketToken gives the customer's signed code for a ticket, for a message or a printed slip; it issues one when there
// is none that holds for another week.
func (r *Room) TicketToken(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID) (text, link string, err error) {
	i, ok, err := scanCode(tx.QueryRow(ctx, `
		SELECT `+codeColumns+` FROM code WHERE org_id = $1 AND target_id = $2 AND kind = 3 AND revoked_at IS NULL AND expires_at > $3
		ORDER BY expires_at DESC LIMIT 1`, tx.OrgID(), ticket, tx.Now().AddDate(0, 0, 7)))
	if err == nil && !ok {
		i, err = r.Issue(ctx, tx, token.Ticket, ticket, TicketCodeLife, change.User{})
	}
	if err != nil {
		return "", "", err
	}
	text, err = r.sign(i, tx.Now())
	return text, token.URL(r.PublicURL(), text), err
}

func labelOf(p *fieldv1.Product) Label {
	return Label{ZH: p.GetName().GetZh(), EN: p.GetName().GetEn()}
}

func progressOf(t TicketView) *Progress {
	p := &Progress{Number: t.Number, State: t.State, Product: t.Product, Stages: t.Stages, Earliest: t.Earliest, Latest: t.Latest}
	p.WantedEarliest, p.WantedLatest, p.MayChange, p.MayRate, p.Stars = t.WantedEarliest, t.WantedLatest, t.MayChange, t.MayRate, t.Stars
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
