package order

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/server/order/parse"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// phoneHash is how a phone number is found. It is keyed by the installation and the org, so that hashes of one org
// tell nothing about another's customers, and a stolen table cannot be searched by trying all numbers.
func (r *Orders) phoneHash(org uuid.UUID, phone string) []byte {
	if phone == "" {
		return nil
	}
	m := hmac.New(sha256.New, r.phoneKey)
	m.Write(org[:])
	m.Write([]byte(phone))
	return m.Sum(nil)
}

// record is a customer's record, locked, as an order finds it.
type record struct {
	Customer
	// fresh: nobody knew the customer; the record says what this order says.
	fresh bool
}

// meet finds or makes the customer of an order and locks the record. A record that is there stays as it is: what the
// order says of it is for told. Known and unknown numbers take the same statement, so that a stranger learns nothing.
func (r *Orders) meet(ctx context.Context, tx *postgres.Tx, p Purchase) (record, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return record{}, err
	}
	c := p.Customer
	var lat, lng *float64
	if c.At != nil {
		lat, lng = &c.At.Latitude, &c.At.Longitude
	}
	target := `(org_id, phone_hash) WHERE phone_hash IS NOT NULL`
	if c.Phone == "" {
		target = `(org_id, source, ref) WHERE phone_hash IS NULL`
	}
	// The update changes nothing; it takes the row's lock and lets the row be returned.
	rows, err := tx.Query(ctx, `INSERT INTO customer (org_id, id, name, phone, phone_hash, source, ref, address, latitude,
		longitude, vip, created_at, language)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
		ON CONFLICT `+target+` DO UPDATE SET created_at = customer.created_at
		RETURNING `+customerColumns,
		tx.OrgID(), id, c.Name, c.Phone, r.phoneHash(tx.OrgID(), c.Phone), p.Source, c.Ref, c.Address, lat, lng, c.VIP,
		tx.Now(), c.Language)
	if err != nil {
		return record{}, err
	}
	found, err := pgx.CollectExactlyOneRow(rows, scanCustomer)
	return record{Customer: found, fresh: found.ID == id}, err
}

const customerColumns = `id, name, phone, ref, address, latitude, longitude, vip, language`

func scanCustomer(row pgx.CollectableRow) (Customer, error) {
	var c Customer
	var lat, lng *float64
	err := row.Scan(&c.ID, &c.Name, &c.Phone, &c.Ref, &c.Address, &lat, &lng, &c.VIP, &c.Language)
	if lat != nil && lng != nil {
		c.At = &Point{*lat, *lng}
	}
	return c, err
}

// within is what of a customer somebody sees who knows only these orders, the newest first.
func (c Customer) within(orders []Order) Customer {
	if len(orders) == 0 {
		return Customer{ID: c.ID, Name: maskName(c.Name), Phone: c.Phone}
	}
	told := orders[0].Customer
	return Customer{
		ID: c.ID, Name: told.Name, Phone: c.Phone, Address: told.Address, At: told.At, VIP: c.VIP,
		Language: c.Language,
	}
}

// maskName leaves the first character of a name: 王女士 becomes 王**.
func maskName(name string) string {
	for _, r := range name {
		return string(r) + "**"
	}
	return ""
}

// CustomersByPhone finds customers by a phone number in any writing; none for what is no number.
func (r *Orders) CustomersByPhone(ctx context.Context, tx *postgres.Tx, phone string) ([]Customer, error) {
	p, err := parse.Phone(phone)
	if err != nil {
		return nil, nil //nolint:nilerr // what is no number is nobody's
	}
	rows, err := tx.Query(ctx, `SELECT `+customerColumns+` FROM customer
		WHERE org_id = $1 AND phone_hash = $2`, tx.OrgID(), r.phoneHash(tx.OrgID(), p))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanCustomer)
}

// CustomerByID finds a customer; ok is false when there is none.
func (r *Orders) CustomerByID(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (c Customer, ok bool, err error) {
	rows, err := tx.Query(ctx, `SELECT `+customerColumns+` FROM customer WHERE org_id = $1 AND id = $2`, tx.OrgID(), id)
	if err != nil {
		return Customer{}, false, err
	}
	c, err = pgx.CollectExactlyOneRow(rows, scanCustomer)
	if errors.Is(err, pgx.ErrNoRows) {
		return Customer{}, false, nil
	}
	return c, err == nil, err
}
