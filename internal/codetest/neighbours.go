package codetest

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/booking"
	"github.com/doorstep-dev/doorstep/server/code"
	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/order/scanned"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// neighbours are all that the two rooms ask of others.
type neighbours struct{ w *World }

func keyName(key ed25519.PrivateKey) string {
	return token.KeyID(key.Public().(ed25519.PublicKey)[:5]).String()
}

func (n neighbours) Signer(time.Time) (string, ed25519.PrivateKey, error) {
	return keyName(n.w.Key), n.w.Key, nil
}

func (n neighbours) Verifier(id string, _ time.Time) (ed25519.PublicKey, bool) {
	return n.w.Key.Public().(ed25519.PublicKey), id == keyName(n.w.Key)
}

func (n neighbours) CompanyName(context.Context, *postgres.Tx) (string, error) {
	return "云曦电器", nil
}

func (n neighbours) ShopName(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (string, bool, error) {
	name, ok, err := bookingPeople{n}.Shop(ctx, tx, id)
	return name.ZH, ok, err
}

func (n neighbours) Within(_ context.Context, tx *postgres.Tx, reach identity.Reach, store uuid.UUID) (bool, error) {
	return tx.OrgID() == n.w.Org && reach.Covers(identity.Place{Kind: identity.ScopeStore, ID: store}), nil
}

func (n neighbours) Serves(
	_ context.Context, tx *postgres.Tx, user change.User, store uuid.UUID, _ time.Time,
) (bool, error) {
	w := n.w
	return tx.OrgID() == w.Org && uuid.UUID(user) == w.Clerk &&
		(store == w.Shop && !w.Elsewhere || store == w.Other), nil
}

func (n neighbours) Product(_ context.Context, tx *postgres.Tx, id uuid.UUID) (*fieldv1.Product, bool, error) {
	return n.w.Product, tx.OrgID() == n.w.Org && uuid.UUID(n.w.Product.Id) == id, nil
}

func (n neighbours) ProductByGTIN(_ context.Context, tx *postgres.Tx, g string) (*fieldv1.Product, bool, error) {
	return n.w.Product, tx.OrgID() == n.w.Org && g == n.w.Product.Gtin, nil
}

func (n neighbours) Parts(context.Context, *postgres.Tx, uuid.UUID) ([]*fieldv1.PriceItem, error) {
	return []*fieldv1.PriceItem{{Sku: "HOSE-1"}}, nil
}

func (n neighbours) Classes(context.Context, *postgres.Tx) ([]booking.Class, error) {
	return []booking.Class{
		{Key: "water_heater", Name: booking.Label{ZH: "热水器", EN: "Water heater"}},
		{Key: "smart_lock", Name: booking.Label{ZH: "智能锁", EN: "Smart lock"}},
	}, nil
}

func (n neighbours) OfClass(_ context.Context, _ *postgres.Tx, key string) (*fieldv1.Product, bool, error) {
	return &fieldv1.Product{Name: &typesv1.Label{Zh: key, En: key}}, key == "water_heater" || key == "smart_lock", nil
}

func (n neighbours) OpenTicket(ctx context.Context, tx *postgres.Tx, p scanned.Purchase) (uuid.UUID, bool, error) {
	saved, err := saveTicket(ctx, tx, Ticket{
		ID: p.Ticket, Unit: p.Unit, From: p, Phone: p.Phone, OpenedAt: tx.Now(),
		View: booking.Ticket{
			Number: fmt.Sprintf("T-%s", p.Ticket.String()[24:]), State: fieldv1.TicketState_TICKET_STATE_NEW, Store: p.Store,
			Product: booking.Label{ZH: p.Product.GetName().GetZh(), EN: p.Product.GetName().GetEn()},
			Stages:  []booking.Stage{{Key: "booked", At: tx.Now()}},
		},
	})
	if err != nil || saved {
		return p.Ticket, false, err
	}
	id, _, err := n.InWork(ctx, tx, p.Unit)
	return id, true, err
}

func (n neighbours) Customer(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (string, string, error) {
	f, _, err := loadTicket(ctx, tx, id)
	return f.From.Name, mask(f.Phone), err
}

func (n neighbours) Caller(ctx context.Context, tx *postgres.Tx, id uuid.UUID, phone string) (bool, error) {
	f, ok, err := loadTicket(ctx, tx, id)
	return ok && f.Phone == phone, err
}

func (n neighbours) HistoryOfUnit(
	ctx context.Context, tx *postgres.Tx, unit uuid.UUID, _ int,
) ([]*fieldv1.HistoryItem, error) {
	rows, err := tx.Query(ctx, `SELECT id::text FROM fake_ticket WHERE org_id = $1 AND unit = $2`, tx.OrgID(), unit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*fieldv1.HistoryItem, error) {
		h := new(fieldv1.HistoryItem)
		return h, row.Scan(&h.Number)
	})
}

// codeTickets are code.Tickets.
type codeTickets struct{ neighbours }

func (codeTickets) Ticket(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (code.Ticket, bool, error) {
	f, ok, err := loadTicket(ctx, tx, id)
	return code.Ticket{
		ID: f.ID, Number: f.View.Number, State: f.View.State, Unit: f.Unit, Store: f.View.Store,
		ProductName: f.View.Product.ZH, OpenedAt: f.OpenedAt,
	}, ok, err
}

// bookingCodes are booking.Codes.
type bookingCodes struct{ *code.Codes }

func (c bookingCodes) Identify(ctx context.Context, tx *postgres.Tx, text string) (booking.Scanned, error) {
	t, err := c.ForStranger(ctx, tx, text)
	return booking.Scanned{Kind: t.Kind, ID: t.ID, Product: t.Product, Serial: t.Serial}, err
}

func (c bookingCodes) LockUnit(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (booking.Unit, error) {
	u, err := c.Codes.LockUnit(ctx, tx, id)
	return booking.Unit{
		ID: u.ID, Store: u.Store, PurchasedAt: u.PurchasedAt, WarrantyUntil: u.WarrantyUntil, OrderNumber: u.OrderNumber,
	}, err
}

func (c bookingCodes) LogScan(ctx context.Context, tx *postgres.Tx, s booking.Scanned) error {
	return c.Codes.LogScan(ctx, tx, "stranger", change.User{}, code.Target{Kind: s.Kind, ID: s.ID, Product: s.Product})
}

// bookingPeople are booking.People.
type bookingPeople struct{ neighbours }

func (bookingPeople) Company(context.Context, *postgres.Tx) (booking.Label, *time.Location, error) {
	return booking.Label{ZH: "云曦电器", EN: "Yunxi"}, time.FixedZone("CST", 8*3600), nil
}

func (n bookingPeople) Shop(_ context.Context, tx *postgres.Tx, id uuid.UUID) (booking.Label, bool, error) {
	switch {
	case tx.OrgID() != n.w.Org:
		return booking.Label{}, false, nil
	case id == n.w.Shop:
		return booking.Label{ZH: "深圳南山旗舰店", EN: "Nanshan flagship shop"}, true, nil
	}
	return booking.Label{ZH: "广州天河店"}, id == n.w.Other, nil
}

// bookingTickets are booking.Tickets.
type bookingTickets struct{ neighbours }

func (bookingTickets) Ticket(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (booking.Ticket, bool, error) {
	f, ok, err := loadTicket(ctx, tx, id)
	return f.View, ok, err
}

func (n bookingTickets) Cancel(_ context.Context, _ *postgres.Tx, id uuid.UUID, reason string) error {
	if do := n.w.Customer.Cancel; do != nil {
		return do(id, reason)
	}
	return fault.New(fault.StateForbids, "")
}

func (n bookingTickets) Reschedule(
	_ context.Context, _ *postgres.Tx, id uuid.UUID, earliest, latest time.Time,
) error {
	if do := n.w.Customer.Reschedule; do != nil {
		return do(id, earliest, latest)
	}
	return fault.New(fault.StateForbids, "")
}

func (n bookingTickets) Rate(_ context.Context, _ *postgres.Tx, id uuid.UUID, stars int, comment string) error {
	if do := n.w.Customer.Rate; do != nil {
		return do(id, stars, comment)
	}
	return fault.New(fault.StateForbids, "")
}

func (n bookingTickets) Approve(_ context.Context, _ *postgres.Tx, id uuid.UUID, hash []byte) error {
	if do := n.w.Customer.Approve; do != nil {
		return do(id, hash)
	}
	return fault.New(fault.StateForbids, "")
}
