package booking

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/server/order/scanned"
	"github.com/doorstep-dev/doorstep/server/rpc"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Bookings within an hour, over all servers: from one address, under one phone number, of one shop or product. The last
// is out of reach of any one address: strangers cannot close a shop for its customers.
const (
	bookingsOfAddress = 20
	bookingsOfPhone   = 5
	bookingsOfTarget  = 300
)

// spend counts a booking against its limits. A booking without an address (none comes so over the network) counts as
// one of the same.
func (r *Bookings) spend(ctx context.Context, tx *postgres.Tx, w Wish, target uuid.UUID) error {
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

func (r *Bookings) quotaKey(kind, value string) []byte {
	m := hmac.New(sha256.New, r.QuotaKey)
	m.Write([]byte(kind + "\x00" + value))
	return m.Sum(nil)[:16]
}

// Book implements Public.
func (r *Bookings) Book(ctx context.Context, w Wish) (Booked, error) {
	if err := w.Check(r.Now()); err != nil {
		return Booked{}, err
	}
	if w.Request == uuid.Nil {
		return Booked{}, fault.New(fault.InvalidArgument, "request: an id is needed")
	}
	org, err := r.codes.Tenant(ctx, w.Code)
	if err != nil {
		return Booked{}, err
	}
	var b Booked
	err = r.Store.Transact(ctx, org, func(tx *postgres.Tx) error {
		b = Booked{}
		t, err := r.codes.Identify(ctx, tx, w.Code)
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

func (r *Bookings) book(ctx context.Context, tx *postgres.Tx, w Wish, t Scanned) (Booked, error) {
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
		INSERT INTO code_booking (org_id, request_id, target_id, ticket_id, number, at, language)
			VALUES ($1, $2, $3, $4, '', $5, $6)
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
	view, ok, err := r.tickets.Ticket(ctx, tx, ticket)
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

func (r *Bookings) bookedBefore(ctx context.Context, tx *postgres.Tx, request, target uuid.UUID) (Booked, error) {
	var of, ticket uuid.UUID
	var number string
	err := tx.QueryRow(ctx, `SELECT target_id, ticket_id, number FROM code_booking
		WHERE org_id = $1 AND request_id = $2`, tx.OrgID(), request).
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
func (r *Bookings) ticketFor(ctx context.Context, tx *postgres.Tx, w Wish, t Scanned, id uuid.UUID) (uuid.UUID, error) {
	o := scanned.Purchase{
		Ticket: id, Source: "booking", Product: t.Product, Serial: t.Serial,
		Name: strings.TrimSpace(w.Name), Phone: strings.TrimSpace(w.Phone), Address: strings.TrimSpace(w.Address),
		Note:           strings.TrimSpace(w.Note),
		WantedEarliest: w.Earliest, WantedUntil: w.Latest, At: tx.Now(), Language: w.Language,
	}
	if t.Kind == token.Entry {
		return r.bookAtEntry(ctx, tx, o, t.ID, w.Class)
	}
	u, err := r.codes.LockUnit(ctx, tx, t.ID)
	if err != nil {
		return uuid.Nil, err
	}
	o.Store, o.PurchasedAt, o.WarrantyUntil = u.Store, u.PurchasedAt, u.WarrantyUntil
	if u.ID != uuid.Nil {
		o.Unit, o.OrderNumber = u.ID, u.OrderNumber
		open, inWork, err := r.tickets.InWork(ctx, tx, u.ID)
		if err == nil && !inWork {
			open, inWork, err = r.tickets.OpenTicket(ctx, tx, o)
		}
		if err != nil || !inWork {
			return open, err
		}
		// Everybody gets the same answer, also with the number of that ticket's customer, for a number is no secret. Only
		// the remark for the office differs; nobody is sent before the office has said that it is a job of its own.
		same, err := r.tickets.Caller(ctx, tx, open, o.Phone)
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
	opened, _, err := r.tickets.OpenTicket(ctx, tx, o)
	return opened, err
}

func (r *Bookings) bookAtEntry(
	ctx context.Context, tx *postgres.Tx, o scanned.Purchase, store uuid.UUID, class string,
) (uuid.UUID, error) {
	o.Store = store
	if class != "" {
		p, ok, err := r.goods.OfClass(ctx, tx, class)
		if err != nil {
			return uuid.Nil, err
		}
		if !ok {
			return uuid.Nil, fault.New(fault.InvalidArgument, "class: one of those that are offered")
		}
		o.Product = p
	}
	id, _, err := r.tickets.OpenTicket(ctx, tx, o)
	return id, err
}

// bookedAs issues the customer's code for the ticket.
func (r *Bookings) bookedAs(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID, number string) (Booked, error) {
	text, _, err := r.codes.TicketToken(ctx, tx, ticket)
	return Booked{Number: number, Token: text}, err
}

// errUnknown is the one answer to everything that is wrong with a code; why goes to the log only.
func errUnknown(why string) error { return fault.Wrap(errors.New(why), token.CodeUnknown, "") }
