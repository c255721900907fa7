package code

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/doorstep-dev/doorstep/clientgen/golang/codes/gs1"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	storev1 "github.com/doorstep-dev/doorstep/proto/doorstep/store/v1"
	"github.com/doorstep-dev/doorstep/server/order/parse"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// State is where a unit is in its life.
type State string

// The states of a unit.
const (
	InStock   State = "stock"
	Sold      State = "sold"
	Installed State = "installed"
	Scrapped  State = "scrapped"
)

// Unit is one piece of a product.
type Unit struct {
	ID, Product uuid.UUID
	GTIN        gs1.GTIN // empty when the product has none
	Serial      string
	Store       uuid.UUID // zero when it is nowhere
	State       State
	// PurchasedAt and WarrantyUntil are zero while unknown.
	PurchasedAt, WarrantyUntil time.Time
	OrderNumber                string
}

const unitColumns = `unit_id, product_id, gtin, serial, coalesce(store_id, '00000000-0000-0000-0000-000000000000'), state,
	purchased_at, warranty_until, order_number`

func scanUnit(row pgx.Row) (Unit, error) {
	var u Unit
	var purchased, warranty *time.Time
	err := row.Scan(&u.ID, &u.Product, &u.GTIN, &u.Serial, &u.Store, &u.State, &purchased, &warranty, &u.OrderNumber)
	u.PurchasedAt, u.WarrantyUntil = fromNull(purchased), fromNull(warranty)
	return u, err
}

// PutUnit makes a unit or replaces what is known of it, found by its id, or by GTIN and serial when both are set; it
// returns the unit's id, and puts it into its store's feed. For imports, orders and demos.
func (r *Codes) PutUnit(ctx context.Context, tx *postgres.Tx, u Unit) (uuid.UUID, error) {
	var err error
	if u.Serial, err = serialOf(u.Serial); err != nil {
		return uuid.Nil, err
	}
	if u.OrderNumber, err = parse.Identity(u.OrderNumber); err != nil {
		return uuid.Nil, fault.Wrap(err, fault.InvalidArgument,
			"unit.order_number: a spreadsheet has shortened it; give all digits")
	}
	if u.Serial != "" {
		if err := gs1.CheckSerial(u.Serial); err != nil {
			return uuid.Nil, err
		}
	}
	if u.GTIN != "" {
		g, err := gs1.ParseGTIN(string(u.GTIN))
		if err != nil {
			return uuid.Nil, err
		}
		u.GTIN = g
	}
	if u.State == "" {
		u.State = InStock
	}
	if u.ID == uuid.Nil {
		if old, ok, err := unitByLabel(ctx, tx, u.GTIN, u.Serial); err != nil {
			return uuid.Nil, err
		} else if ok {
			u.ID = old.ID
		} else if u.ID, err = uuid.NewV7(); err != nil {
			return uuid.Nil, err
		}
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO unit (org_id, unit_id, product_id, gtin, serial, store_id, state, purchased_at, warranty_until,
			order_number, created_at, changed_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
		ON CONFLICT (org_id, unit_id) DO UPDATE SET product_id = excluded.product_id, gtin = excluded.gtin,
			serial = excluded.serial, store_id = excluded.store_id, state = excluded.state, purchased_at = excluded.purchased_at,
			warranty_until = excluded.warranty_until, order_number = excluded.order_number, changed_at = excluded.changed_at`,
		tx.OrgID(), u.ID, u.Product, u.GTIN, u.Serial, null(u.Store), u.State, toNull(u.PurchasedAt), toNull(u.WarrantyUntil),
		u.OrderNumber, tx.Now())
	if err != nil {
		return uuid.Nil, err
	}
	return u.ID, placeUnit(ctx, tx, u)
}

// makeUnit finds or makes the unit with this label and locks it. Two scans at once meet here: the second waits until
// the first has committed and then sees what it wrote.
func makeUnit(ctx context.Context, tx *postgres.Tx, product uuid.UUID, g gs1.GTIN, serial string) (Unit, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return Unit{}, err
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO unit (org_id, unit_id, product_id, gtin, serial, created_at, changed_at)
			VALUES ($1, $2, $3, $4, $5, $6, $6)
		ON CONFLICT (org_id, gtin, serial) WHERE gtin <> '' AND serial <> '' DO NOTHING`,
		tx.OrgID(), id, product, g, serial, tx.Now())
	if err != nil {
		return Unit{}, err
	}
	return scanUnit(tx.QueryRow(ctx, `SELECT `+unitColumns+` FROM unit WHERE org_id = $1 AND gtin = $2 AND serial = $3
		FOR UPDATE`,
		tx.OrgID(), g, serial))
}

// serialOf is the Identity of a serial that somebody typed or a file holds. What a label holds is taken as it stands:
// no spreadsheet was in between, and the label printed from it must say the same again.
func serialOf(typed string) (string, error) {
	serial, err := parse.Identity(typed)
	if err != nil {
		return "", fault.Wrap(err, fault.InvalidArgument, "serial: a spreadsheet has shortened it; give all digits")
	}
	return serial, nil
}

// UnitBySerial finds a unit by its serial number, in any writing. None is NotFound; several products with one are
// InvalidArgument.
func (r *Codes) UnitBySerial(ctx context.Context, tx *postgres.Tx, serial string) (uuid.UUID, error) {
	serial = parse.SearchIdentity(serial)
	rows, err := tx.Query(ctx, `SELECT unit_id FROM unit WHERE org_id = $1 AND serial = $2 ORDER BY unit_id LIMIT 2`,
		tx.OrgID(), serial)
	if err != nil {
		return uuid.Nil, err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	switch {
	case err != nil:
		return uuid.Nil, err
	case len(ids) == 0 || serial == "":
		return uuid.Nil, fault.New(fault.NotFound, "unit with serial number %.40s", serial)
	case len(ids) > 1:
		return uuid.Nil, fault.New(fault.InvalidArgument,
			"several products have a unit with serial number %.40s: give the unit's id", serial)
	}
	return ids[0], nil
}

func unitByLabel(ctx context.Context, tx *postgres.Tx, g gs1.GTIN, serial string) (Unit, bool, error) {
	if g == "" || serial == "" {
		return Unit{}, false, nil
	}
	return found(scanUnit(tx.QueryRow(ctx, `SELECT `+unitColumns+` FROM unit
		WHERE org_id = $1 AND gtin = $2 AND serial = $3`,
		tx.OrgID(), g, serial)))
}

func unitByID(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (Unit, bool, error) {
	return found(scanUnit(tx.QueryRow(ctx, `SELECT `+unitColumns+` FROM unit
		WHERE org_id = $1 AND unit_id = $2`, tx.OrgID(), id)))
}

func lockUnit(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (Unit, bool, error) {
	return found(scanUnit(tx.QueryRow(ctx, `SELECT `+unitColumns+` FROM unit WHERE org_id = $1 AND unit_id = $2
		FOR UPDATE`, tx.OrgID(), id)))
}

// Units keeps the pieces for the rooms below codes: it calls no other room.
type Units struct{}

// Installed notes in the transaction that completes a ticket that its piece is installed from now on: it leaves the
// shop's feed. A piece that is unknown, installed already or scrapped stays as it is.
func (Units) Installed(ctx context.Context, tx *postgres.Tx, unit uuid.UUID) error {
	u, ok, err := lockUnit(ctx, tx, unit)
	if err != nil || !ok || u.State == Installed || u.State == Scrapped {
		return err
	}
	u.State = Installed
	return saveUnit(ctx, tx, u)
}

// Lock locks the rows of pieces in the order of their ids, for a transaction that will complete several tickets.
func (Units) Lock(ctx context.Context, tx *postgres.Tx, ids []uuid.UUID) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `SELECT FROM unit WHERE org_id = $1 AND unit_id = ANY ($2::uuid[]) ORDER BY unit_id
		FOR UPDATE`, tx.OrgID(), ids)
	return err
}

func found(u Unit, err error) (Unit, bool, error) {
	if errors.Is(err, pgx.ErrNoRows) {
		return Unit{}, false, nil
	}
	return u, err == nil, err
}

// sell notes who sold the unit and when, where that is not known yet: a scan at the counter is the sale.
func (u *Unit) sell(store uuid.UUID, at time.Time, warrantyMonths uint32) {
	if u.Store == uuid.Nil {
		u.Store = store
	}
	if u.PurchasedAt.IsZero() {
		u.PurchasedAt = at
	}
	if u.WarrantyUntil.IsZero() && warrantyMonths > 0 {
		u.WarrantyUntil = u.PurchasedAt.AddDate(0, int(warrantyMonths), 0)
	}
	if u.State == InStock {
		u.State = Sold
	}
}

func saveUnit(ctx context.Context, tx *postgres.Tx, u Unit) error {
	_, err := tx.Exec(ctx, `
		UPDATE unit SET store_id = $3, state = $4, purchased_at = $5, warranty_until = $6, order_number = $7, changed_at = $8
		WHERE org_id = $1 AND unit_id = $2`,
		tx.OrgID(), u.ID, null(u.Store), u.State, toNull(u.PurchasedAt), toNull(u.WarrantyUntil), u.OrderNumber, tx.Now())
	if err != nil {
		return err
	}
	return placeUnit(ctx, tx, u)
}

// placeUnit puts a unit into its store's feed until it is installed or scrapped: a shop's phone holds what the shop
// has, not all that it ever sold. The caller holds the unit's row lock.
func placeUnit(ctx context.Context, tx *postgres.Tx, u Unit) error {
	if u.Store == uuid.Nil || u.State == Installed || u.State == Scrapped {
		tx.Place(change.Kind(fieldv1.EntityKind_ENTITY_KIND_UNIT), u.ID)
		return nil
	}
	m, err := unitMessage(ctx, tx, u)
	if err != nil {
		return err
	}
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "")
	}
	tx.Place(change.Kind(fieldv1.EntityKind_ENTITY_KIND_UNIT), u.ID, feed.Placement{Feed: storeFeed(u.Store), Body: body})
	return nil
}

func storeFeed(store uuid.UUID) change.FeedID { return change.FeedID{Kind: "store", Key: store} }

// unitMessage is the unit as clerks and technicians see it.
func unitMessage(ctx context.Context, tx *postgres.Tx, u Unit) (*storev1.Unit, error) {
	m := &storev1.Unit{
		Id: u.ID[:], ProductId: u.Product[:], Gtin: string(u.GTIN), Serial: u.Serial, OrderNumber: u.OrderNumber,
		PurchasedAt: stamp(u.PurchasedAt), WarrantyUntil: stamp(u.WarrantyUntil),
	}
	if u.Store != uuid.Nil {
		m.StoreId = u.Store[:]
	}
	err := tx.QueryRow(ctx, `
		SELECT human_code FROM code WHERE org_id = $1 AND target_id = $2 AND kind = 1 AND revoked_at IS NULL
			AND (expires_at IS NULL OR expires_at > $3)
		ORDER BY issued_at DESC, code_id DESC LIMIT 1`, tx.OrgID(), u.ID, tx.Now()).Scan(&m.HumanCode)
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
	}
	return m, err
}

func null(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}

func toNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func fromNull(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// stamp is a time to the microsecond, as the table keeps it.
func stamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t.Truncate(time.Microsecond))
}
