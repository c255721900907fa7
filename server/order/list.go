package order

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/server/order/parse"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Order is a purchase as the office sees it.
type Order struct {
	ID             uuid.UUID
	Source, Number string
	OrderedAt      time.Time
	Customer       Customer
	Store, Region  uuid.UUID
	Lines          []OrderLine
}

// OrderLine is one line of it.
type OrderLine struct {
	Item        int
	Product     uuid.UUID
	ProductName string
	Quantity    int
	Minor       int64
	Currency    string
	Tickets     []uuid.UUID
}

// Filter narrows a list down; zero fields do not.
type Filter struct {
	IDs      []uuid.UUID
	Customer uuid.UUID
	// Stores and Regions, when not nil, are the only ones whose orders are listed: an order is within reach by either.
	Stores, Regions []uuid.UUID
	Limited         bool // Stores and Regions count
	// After continues behind this order.
	After uuid.UUID
	Limit int
}

// List returns orders, the last taken in first.
func (r *Orders) List(ctx context.Context, tx *postgres.Tx, f Filter) ([]Order, error) {
	rows, err := tx.Query(ctx, `SELECT p.id, p.source, p.number, p.ordered_at, p.store_id, p.region_id, p.address,
		p.latitude, p.longitude,
			c.id, CASE WHEN p.customer_name = '' THEN c.name ELSE p.customer_name END, c.phone, c.ref, c.vip
		FROM purchase p JOIN customer c ON c.org_id = p.org_id AND c.id = p.customer_id
		WHERE p.org_id = $1 AND ($2::uuid[] IS NULL OR p.id = ANY ($2)) AND ($3::uuid IS NULL OR p.customer_id = $3)
			AND (NOT $4 OR p.store_id = ANY ($5) OR p.region_id = ANY ($6)) AND ($7::uuid IS NULL OR p.id < $7)
		ORDER BY p.id DESC LIMIT $8`,
		tx.OrgID(), f.IDs, some(f.Customer), f.Limited, f.Stores, f.Regions, some(f.After), f.Limit)
	if err != nil {
		return nil, err
	}
	at := map[uuid.UUID]int{}
	var ids []uuid.UUID
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Order, error) {
		var o Order
		var store, region *uuid.UUID
		var lat, lng *float64
		err := row.Scan(&o.ID, &o.Source, &o.Number, &o.OrderedAt, &store, &region, &o.Customer.Address, &lat, &lng,
			&o.Customer.ID, &o.Customer.Name, &o.Customer.Phone, &o.Customer.Ref, &o.Customer.VIP)
		o.Number = shown(o.Number)
		if store != nil {
			o.Store = *store
		}
		if region != nil {
			o.Region = *region
		}
		if lat != nil && lng != nil {
			o.Customer.At = &Point{*lat, *lng}
		}
		at[o.ID] = len(ids)
		ids = append(ids, o.ID)
		return o, err
	})
	if err != nil || len(ids) == 0 {
		return out, err
	}
	rows, err = tx.Query(ctx, `SELECT purchase_id, item, product_id, product_name, quantity, minor, currency, ticket_ids
		FROM purchase_line
		WHERE org_id = $1 AND purchase_id = ANY ($2) ORDER BY purchase_id, item`, tx.OrgID(), ids)
	if err != nil {
		return nil, err
	}
	var id uuid.UUID
	var l OrderLine
	_, err = pgx.ForEachRow(rows,
		[]any{&id, &l.Item, &l.Product, &l.ProductName, &l.Quantity, &l.Minor, &l.Currency, &l.Tickets}, func() error {
			o := &out[at[id]]
			o.Lines = append(o.Lines, l)
			l.Tickets = nil
			return nil
		})
	return out, err
}

// ByNumber finds an order by its source and number, in any writing; ok is false when there is none.
func (r *Orders) ByNumber(ctx context.Context, tx *postgres.Tx, source, number string) (o Order, ok bool, err error) {
	rows, err := tx.Query(ctx, `SELECT id FROM purchase
		WHERE org_id = $1 AND source = $2 AND number = $3`, tx.OrgID(), source, parse.SearchIdentity(number))
	if err != nil {
		return Order{}, false, err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil || len(ids) == 0 {
		return Order{}, false, err
	}
	all, err := r.List(ctx, tx, Filter{IDs: ids, Limit: 1})
	if err != nil || len(all) == 0 {
		return Order{}, false, err
	}
	return all[0], true, nil
}
