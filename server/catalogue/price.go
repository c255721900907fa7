package catalogue

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// PutPriceItem makes or renames a part or surcharge and gives it a price that holds from the given time on; a zero
// time is now. A price that holds already is never changed: it ends where the next begins. Phones see the new price
// when it begins (see PublishPrices).
func (r *Catalogue) PutPriceItem(
	ctx context.Context, tx *postgres.Tx, p *fieldv1.PriceItem, from time.Time,
) (*fieldv1.PriceItem, error) {
	label, sku, err := r.checkPriceItem(ctx, tx, p)
	if err != nil {
		return nil, err
	}
	id, err := identify("item", p.GetId())
	if err != nil {
		return nil, err
	}
	if err := sameKind(ctx, tx, id, p.GetKind()); err != nil {
		return nil, err
	}
	if len(p.GetId()) == 0 {
		if _, err := noRow(tx.QueryRow(ctx, `SELECT id FROM price_item WHERE org_id = $1 AND kind = $2 AND sku = $3`,
			tx.OrgID(), int16(p.GetKind()), sku).Scan(&id)); err != nil {
			return nil, err
		}
	}
	classes, err := classesOf(ctx, tx, p.GetClassIds())
	if err != nil {
		return nil, err
	}
	_, err = tx.Exec(ctx, `INSERT INTO price_item (org_id, id, kind, sku, name_zh, name_en, class_ids)
		VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (org_id, id) DO UPDATE SET kind = excluded.kind, sku = excluded.sku, name_zh = excluded.name_zh,
			name_en = excluded.name_en, class_ids = excluded.class_ids`,
		tx.OrgID(), id, int16(p.GetKind()), sku, label.GetZh(), label.GetEn(), classes)
	if err != nil {
		return nil, taken(err, "item.sku")
	}
	if err := beginPrice(ctx, tx, id, p.GetPrice(), from); err != nil {
		return nil, err
	}
	if err := r.publish(ctx, tx, id); err != nil {
		return nil, err
	}
	return &fieldv1.PriceItem{
		Id: id[:], Kind: p.GetKind(), Sku: sku, Name: label, ClassIds: p.GetClassIds(),
		Price: &typesv1.Money{Minor: p.GetPrice().GetMinor(), Currency: p.GetPrice().GetCurrency()},
	}, nil
}

// checkPriceItem checks what an item says of itself, and gives its name and SKU as they are kept.
func (r *Catalogue) checkPriceItem(
	ctx context.Context, tx *postgres.Tx, p *fieldv1.PriceItem,
) (label *typesv1.Label, sku string, err error) {
	if label, err = named("item", p.GetName()); err != nil {
		return nil, "", err
	}
	if sku, err = plainIdentity("item.sku", p.GetSku()); err != nil {
		return nil, "", err
	}
	price := p.GetPrice()
	switch {
	case p.GetKind() != fieldv1.PriceItemKind_PRICE_ITEM_KIND_PART &&
		p.GetKind() != fieldv1.PriceItemKind_PRICE_ITEM_KIND_SURCHARGE:
		return nil, "", fault.New(fault.InvalidArgument, "item.kind: part or surcharge")
	case sku == "" || len(sku) > 64:
		return nil, "", fault.New(fault.InvalidArgument, "item.sku: 1 to 64 bytes")
	case price.GetMinor() < 0 || price.GetMinor() > 1e12 || len(price.GetCurrency()) != 3:
		return nil, "", fault.New(fault.InvalidArgument, "item.price")
	}
	own, err := r.company.Currency(ctx, tx)
	if err != nil {
		return nil, "", err
	}
	// A part of another currency would leave the ticket unpriced: nothing here converts money.
	if price.GetCurrency() != own {
		return nil, "", fault.New(fault.InvalidArgument, "item.price.currency: the company's is %s", own)
	}
	return label, sku, nil
}

// beginPrice has a price hold from then on, if another one held; a zero time is now.
func beginPrice(ctx context.Context, tx *postgres.Tx, item uuid.UUID, price *typesv1.Money, from time.Time) error {
	if from.IsZero() {
		from = tx.Now()
	}
	if from.Before(tx.Now()) {
		now, _, ok, err := priceAt(ctx, tx, item, tx.Now())
		if err != nil {
			return err
		}
		if ok && now.GetMinor() != price.GetMinor() {
			return fault.New(fault.InvalidArgument,
				"effective_from: a price that holds already is not changed; now at the earliest")
		}
	}
	holds, _, ok, err := priceAt(ctx, tx, item, from)
	if err != nil {
		return err
	}
	if ok && holds.GetMinor() == price.GetMinor() && holds.GetCurrency() == price.GetCurrency() {
		return nil
	}
	_, err = tx.Exec(ctx, `INSERT INTO price (org_id, item_id, effective_from, minor, currency, noted_at)
		VALUES ($1, $2, $3, $4, $5, $6)`,
		tx.OrgID(), item, from, price.GetMinor(), price.GetCurrency(), tx.Now())
	if err != nil {
		return taken(err, "effective_from: a price that begins at this moment")
	}
	return nil
}

// sameKind refuses to make a surcharge of a part or a part of a surcharge: they are paid by different rules.
func sameKind(ctx context.Context, tx *postgres.Tx, id uuid.UUID, kind fieldv1.PriceItemKind) error {
	var was int16
	known, err := noRow(tx.QueryRow(ctx, `SELECT kind FROM price_item
		WHERE org_id = $1 AND id = $2`, tx.OrgID(), id).Scan(&was))
	if err == nil && known && was != int16(kind) {
		err = fault.New(fault.InvalidArgument, "item.kind: it stays what it is; make another item")
	}
	return err
}

// maxClasses is how many classes an item may name; one for more of them is for every class.
const maxClasses = 100

// classesOf checks that classes exist. It is never nil: the column is not null.
func classesOf(ctx context.Context, tx *postgres.Tx, ids [][]byte) ([]uuid.UUID, error) {
	if len(ids) > maxClasses {
		return nil, fault.New(fault.InvalidArgument, "item.class_ids: at most %d", maxClasses)
	}
	classes := make([]uuid.UUID, len(ids))
	for i, b := range ids {
		id, err := uuid.FromBytes(b)
		if err != nil {
			return nil, fault.Wrap(err, fault.InvalidArgument, "item.class_ids[%d]", i)
		}
		if slices.Contains(classes[:i], id) {
			return nil, fault.New(fault.InvalidArgument, "item.class_ids[%d]: named twice", i)
		}
		classes[i] = id
	}
	if len(classes) == 0 {
		return classes, nil
	}
	var unknown int
	err := tx.QueryRow(ctx, `SELECT coalesce(min(i), 0) FROM unnest($2::uuid[]) WITH ORDINALITY AS c (id, i)
		WHERE NOT EXISTS (SELECT 1 FROM product_class WHERE org_id = $1 AND id = c.id)`, tx.OrgID(), classes).Scan(&unknown)
	if err == nil && unknown > 0 {
		err = fault.New(fault.InvalidArgument, "item.class_ids[%d]: no class has this id", unknown-1)
	}
	return classes, err
}

// priceAt is the price that holds at a time, and since when.
func priceAt(
	ctx context.Context, tx *postgres.Tx, id uuid.UUID, at time.Time,
) (m *typesv1.Money, since time.Time, ok bool, err error) {
	m = &typesv1.Money{}
	ok, err = noRow(tx.QueryRow(ctx, `SELECT minor, currency, effective_from FROM price
		WHERE org_id = $1 AND item_id = $2 AND effective_from <= $3
		ORDER BY effective_from DESC LIMIT 1`, tx.OrgID(), id, at).Scan(&m.Minor, &m.Currency, &since))
	return m, since, ok, err
}

// PriceItem is a part or surcharge with the price that holds at a time; ok is false for an item that is unknown or
// has no price yet then.
func (r *Catalogue) PriceItem(
	ctx context.Context, tx *postgres.Tx, id uuid.UUID, at time.Time,
) (p *fieldv1.PriceItem, ok bool, err error) {
	all, err := prices(ctx, tx, at, ` AND i.id = $3`, id)
	if err != nil || len(all) == 0 {
		return nil, false, err
	}
	return all[0], true, nil
}

// Parts lists the parts for products of a class with the prices that hold now: those that name the class, and those
// that are for every class.
func (r *Catalogue) Parts(ctx context.Context, tx *postgres.Tx, class uuid.UUID) ([]*fieldv1.PriceItem, error) {
	return prices(ctx, tx, tx.Now(), ` AND i.kind = 1 AND (i.class_ids = '{}' OR $3 = ANY (i.class_ids))`, class)
}

// PriceItems lists all parts and surcharges with the prices that hold at a time.
func (r *Catalogue) PriceItems(ctx context.Context, tx *postgres.Tx, at time.Time) ([]*fieldv1.PriceItem, error) {
	return prices(ctx, tx, at, ``)
}

func prices(
	ctx context.Context, tx *postgres.Tx, at time.Time, where string, args ...any,
) ([]*fieldv1.PriceItem, error) {
	rows, err := tx.Query(ctx, `SELECT i.id, i.kind, i.sku, i.name_zh, i.name_en, i.class_ids, p.minor, p.currency
		FROM price_item i
		CROSS JOIN LATERAL (SELECT minor, currency FROM price
		WHERE org_id = i.org_id AND item_id = i.id AND effective_from <= $2
			ORDER BY effective_from DESC LIMIT 1) p
		WHERE i.org_id = $1`+where+` ORDER BY i.kind, i.sku`, append([]any{tx.OrgID(), at}, args...)...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*fieldv1.PriceItem, error) {
		var id uuid.UUID
		var kind int16
		var classes []uuid.UUID
		p := &fieldv1.PriceItem{Name: &typesv1.Label{}, Price: &typesv1.Money{}}
		err := row.Scan(&id, &kind, &p.Sku, &p.Name.Zh, &p.Name.En, &classes, &p.Price.Minor, &p.Price.Currency)
		p.Id, p.Kind = id[:], fieldv1.PriceItemKind(kind)
		for _, c := range classes {
			p.ClassIds = append(p.ClassIds, c[:])
		}
		return p, err
	})
}

// publish shows phones an item at the price that holds now; an item whose first price is yet to begin is not shown.
func (r *Catalogue) publish(ctx context.Context, tx *postgres.Tx, id uuid.UUID) error {
	if _, err := tx.Exec(ctx, `SELECT 1 FROM price_item WHERE org_id = $1 AND id = $2
		FOR UPDATE`, tx.OrgID(), id); err != nil {
		return err
	}
	p, ok, err := r.PriceItem(ctx, tx, id, tx.Now())
	if err != nil || !ok {
		return err
	}
	_, since, _, err := priceAt(ctx, tx, id, tx.Now())
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE price_item SET published_from = $3
		WHERE org_id = $1 AND id = $2`, tx.OrgID(), id, since); err != nil {
		return err
	}
	return place(tx, fieldv1.EntityKind_ENTITY_KIND_PRICE_ITEM, id, p)
}

// PublishPrices shows phones the prices that have begun since they were last shown; it returns how many. The server
// calls it every minute for each org.
func (r *Catalogue) PublishPrices(ctx context.Context, tx *postgres.Tx) (int, error) {
	rows, err := tx.Query(ctx, `SELECT i.id FROM price_item i WHERE i.org_id = $1 AND i.published_from IS DISTINCT FROM
		(SELECT max(effective_from) FROM price WHERE org_id = i.org_id AND item_id = i.id AND effective_from <= $2)
		ORDER BY i.id`, tx.OrgID(), tx.Now())
	if err != nil {
		return 0, err
	}
	due, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return 0, err
	}
	for _, id := range due {
		if err := r.publish(ctx, tx, id); err != nil {
			return 0, err
		}
	}
	return len(due), nil
}
