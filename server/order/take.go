package order

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/order/parse"
	"github.com/doorstep-dev/doorstep/server/order/refusal"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Take takes an order in and opens a ticket for each piece of each line that is new. Lines that are there already
// stay as they are; one that says something else now is an error of reason line_differs, an order of another
// customer of reason order_differs (see refusal.Error).
func (r *Orders) Take(ctx context.Context, tx *postgres.Tx, p Purchase) (Taken, error) {
	var err error
	if p.Number, err = parse.Identity(p.Number); err != nil {
		return Taken{}, fault.Wrap(err, fault.InvalidArgument,
			"order.number: a spreadsheet has shortened it; give all digits")
	}
	if p.Customer.Ref, err = parse.Identity(p.Customer.Ref); err != nil {
		return Taken{}, fault.Wrap(err, fault.InvalidArgument,
			"order.customer: a spreadsheet has shortened its number; give all digits")
	}
	if p.Source == "" || len(p.Source) > 40 || p.Number == "" || len(p.Number) > 200 || len(p.Lines) == 0 ||
		len(p.Lines) > 200 || p.Actor == "" {
		return Taken{}, fault.New(fault.InvalidArgument, "order: a source, a number and 1 to 200 lines")
	}
	if strings.Contains(p.Number, separator) {
		return Taken{}, fault.New(fault.InvalidArgument, "order.number: no control characters")
	}
	if p.Customer.Phone == "" && p.Customer.Ref == "" {
		return Taken{}, fault.New(fault.InvalidArgument, "order.customer: a phone number")
	}
	grants := p.By.VIP.Any(spots(p.Store, p.Region)...)
	asked := p.Customer.VIP
	p.Customer.VIP = asked && grants
	if err := LockOrders(ctx, tx); err != nil {
		return Taken{}, err
	}
	known, err := r.meet(ctx, tx, p)
	if err != nil {
		return Taken{}, err
	}
	if asked && !grants && !known.VIP {
		return Taken{}, fault.New(fault.Forbidden, "order.customer.vip: the office says who is a VIP")
	}
	p.Customer.ID = known.ID
	// Whoever orders in another language than the record says has it on that order's tickets.
	p.Customer.Language = cmp.Or(p.Customer.Language, known.Language)
	p.key = p.Number
	found, err := insertPurchase(ctx, tx, p)
	if err != nil {
		return Taken{}, err
	}
	if found.existing && p.Reach != nil && !p.Reach.Any(found.places...) {
		p.key = scoped(p.Number, p.Store, p.Region)
		if found, err = insertPurchase(ctx, tx, p); err != nil {
			return Taken{}, err
		}
	}
	if found.customer != p.Customer.ID {
		return Taken{}, refusal.New(refusal.OrderDiffers, "%s", refusal.Shorten(p.Number))
	}
	t := Taken{ID: found.id, Customer: known.ID, Existing: found.existing}
	if !t.Existing { // an order that was here before says nothing new
		if err := r.told(ctx, tx, known, p, t.ID); err != nil {
			return Taken{}, err
		}
	}
	p.Customer.VIP = p.Customer.VIP || known.VIP
	for _, l := range p.Lines {
		done, err := r.takeLine(ctx, tx, p, t, l)
		if err != nil {
			return Taken{}, err
		}
		t.Lines = append(t.Lines, done)
	}
	return t, nil
}

// kept is an order's row, found or just made.
type kept struct {
	id, customer uuid.UUID
	existing     bool
	places       []identity.Place
}

// LockOrders lets one transaction of the org at a time take orders in, or change customers. An import takes many orders
// in one transaction, in the order of its file, so that the rows of customers and orders cannot be locked in theirs.
// They would wait for each other anyway: all tickets of a day have their numbers from one row.
func LockOrders(ctx context.Context, tx *postgres.Tx) error {
	_, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('doorstep orders ' || $1, 0))`,
		tx.OrgID().String())
	return err
}

// insertPurchase finds or makes the order's row, and locks it, so that lines of one order are numbered one by one.
func insertPurchase(ctx context.Context, tx *postgres.Tx, p Purchase) (kept, error) {
	fresh, err := uuid.NewV7()
	if err != nil {
		return kept{}, err
	}
	var lat, lng *float64
	if at := p.Customer.At; at != nil {
		lat, lng = &at.Latitude, &at.Longitude
	}
	var k kept
	var store, region uuid.UUID
	// The update changes nothing; it takes the row's lock and lets the row be returned.
	err = tx.QueryRow(ctx, `INSERT INTO purchase (org_id, id, source, number, ordered_at, customer_id, address, latitude,
		longitude, store_id, region_id, wanted_from, wanted_to, taken_at, customer_name)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
		ON CONFLICT (org_id, source, number) DO UPDATE SET number = purchase.number
		RETURNING id, customer_id, coalesce(store_id, $16), coalesce(region_id, $16)`,
		tx.OrgID(), fresh, p.Source, p.key, p.OrderedAt, p.Customer.ID, p.Customer.Address, lat, lng,
		some(p.Store), some(p.Region),
		someTime(p.WantedFrom), someTime(p.WantedTo), tx.Now(), p.Customer.Name, uuid.Nil).Scan(&k.id, &k.customer,
		&store, &region)
	k.existing, k.places = k.id != fresh, spots(store, region)
	return k, err
}

// maxPrice is the greatest price of a line, in minor units.
const maxPrice = 1e12

func (r *Orders) takeLine(ctx context.Context, tx *postgres.Tx, p Purchase, t Taken, l Line) (TakenLine, error) {
	if l.Quantity < 1 || l.Quantity > 50 || l.Product == nil || len(l.Currency) != 3 || l.Item < 0 {
		return TakenLine{}, fault.New(fault.InvalidArgument, "order.lines: a product, a currency and a quantity from 1 to 50")
	}
	if l.Minor < 0 || l.Minor > maxPrice {
		return TakenLine{}, fault.New(fault.InvalidArgument, "order.lines.price: from 0 to %d", int64(maxPrice))
	}
	key := l.Key
	if key == "" {
		key = strconv.Itoa(l.Item)
	}
	hash := sha256.Sum256(fmt.Appendf(nil, "%x|%d|%d|%s", l.Product.GetId(), l.Quantity, l.Minor, l.Currency))
	done := TakenLine{}
	var before []byte
	err := tx.QueryRow(ctx, `SELECT item, content_hash, ticket_ids FROM purchase_line
		WHERE org_id = $1 AND purchase_id = $2 AND key = $3`,
		tx.OrgID(), t.ID, key).Scan(&done.Item, &before, &done.Tickets)
	if err == nil {
		done.Existing = true
		if string(before) != string(hash[:]) {
			err = refusal.New(refusal.LineDiffers, "%s / %s", refusal.Shorten(p.Number), refusal.Shorten(key))
		}
		return done, err
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return done, err
	}
	if !p.NoTickets {
		if done.Tickets, err = r.open(ctx, tx, p, t, l, key); err != nil {
			return done, err
		}
	}
	if done.Tickets == nil {
		done.Tickets = []uuid.UUID{}
	}
	// The number that was asked for is taken if another line has it: keys tell lines apart, numbers are for people.
	err = tx.QueryRow(ctx, `INSERT INTO purchase_line (org_id, purchase_id, item, key, content_hash, product_id,
		product_name, quantity, minor, currency, ticket_ids)
		SELECT $1, $2, CASE WHEN $3 > 0 AND NOT EXISTS (SELECT 1 FROM purchase_line
			WHERE org_id = $1 AND purchase_id = $2 AND item = $3) THEN $3
			ELSE (SELECT coalesce(max(item), 0) + 1 FROM purchase_line WHERE org_id = $1 AND purchase_id = $2) END,
			$4, $5, $6, $7, $8, $9, $10, $11
		RETURNING item`,
		tx.OrgID(), t.ID, int32(l.Item), key, hash[:], uuid.UUID(l.Product.GetId()), l.Product.GetName().GetZh(),
		int32(l.Quantity), l.Minor, l.Currency, done.Tickets).
		Scan(&done.Item)
	return done, err
}

// open has a ticket opened for each piece.
func (r *Orders) open(
	ctx context.Context, tx *postgres.Tx, p Purchase, t Taken, l Line, key string,
) ([]uuid.UUID, error) {
	var out []uuid.UUID
	for n := range l.Quantity {
		o := Opening{
			Key:     fmt.Sprintf("%s/%s/%s/%d", p.Source, p.key, key, n+1),
			Product: l.Product, Customer: p.Customer, Order: t.ID, OrderNumber: p.Number, OrderedAt: p.OrderedAt,
			Store: p.Store, Region: p.Region, WantedFrom: p.WantedFrom, WantedTo: p.WantedTo, Rush: p.Rush, Actor: p.Actor,
			Bulk: p.Bulk, Unconfirmed: p.Unconfirmed,
		}
		if n == 0 {
			o.Ticket, o.Unit, o.Serial = l.Ticket, l.Unit, l.Serial
		}
		id, err := r.tickets.Open(ctx, tx, o)
		if err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, nil
}

func some(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}

func someTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
