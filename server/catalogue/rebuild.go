package catalogue

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Projections tell how the catalogue on phones comes from the tables.
func (r *Catalogue) Projections() []postgres.Projection {
	one := func(name string, kind fieldv1.EntityKind, rows string,
		place func(context.Context, *postgres.Tx, []uuid.UUID) error,
	) postgres.Projection {
		return postgres.Projection{
			Name: name, Kinds: []change.Kind{change.Kind(kind)}, Place: place,
			Roots: func(context.Context, *postgres.Tx) (string, error) { return rows, nil },
		}
	}
	return []postgres.Projection{
		one("classes", fieldv1.EntityKind_ENTITY_KIND_PRODUCT_CLASS, `SELECT id FROM product_class
			WHERE org_id = $1`, placeClasses),
		one("products", fieldv1.EntityKind_ENTITY_KIND_PRODUCT, `SELECT id FROM product WHERE org_id = $1`, placeProducts),
		one("prices", fieldv1.EntityKind_ENTITY_KIND_PRICE_ITEM,
			`SELECT id FROM price_item WHERE org_id = $1 AND published_from IS NOT NULL`, r.placePrices),
	}
}

func placeClasses(ctx context.Context, tx *postgres.Tx, ids []uuid.UUID) error {
	if err := lockRows(ctx, tx, `product_class`, ids); err != nil {
		return err
	}
	all, err := classes(ctx, tx, ` AND id = ANY ($2)`, ids)
	for _, c := range all {
		if err := place(tx, fieldv1.EntityKind_ENTITY_KIND_PRODUCT_CLASS, uuid.UUID(c.GetId()), c); err != nil {
			return err
		}
	}
	return err
}

func placeProducts(ctx context.Context, tx *postgres.Tx, ids []uuid.UUID) error {
	if err := lockRows(ctx, tx, `product`, ids); err != nil {
		return err
	}
	all, err := products(ctx, tx, ` AND id = ANY ($2)`, ``, ids)
	for _, p := range all {
		if err := place(tx, fieldv1.EntityKind_ENTITY_KIND_PRODUCT, uuid.UUID(p.GetId()), p); err != nil {
			return err
		}
	}
	return err
}

// placePrices shows items at the price that was published last, for publishing the next is PublishPrices' business.
func (r *Catalogue) placePrices(ctx context.Context, tx *postgres.Tx, ids []uuid.UUID) error {
	rows, err := tx.Query(ctx, `SELECT id, published_from FROM price_item
		WHERE org_id = $1 AND id = ANY ($2) AND published_from IS NOT NULL
		ORDER BY id`+tx.RowLock(), tx.OrgID(), ids)
	if err != nil {
		return err
	}
	type published struct {
		ID   uuid.UUID
		From time.Time
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[published])
	if err != nil {
		return err
	}
	for _, p := range all {
		item, ok, err := r.PriceItem(ctx, tx, p.ID, p.From)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if err := place(tx, fieldv1.EntityKind_ENTITY_KIND_PRICE_ITEM, p.ID, item); err != nil {
			return err
		}
	}
	return nil
}

// lockRows takes the locks that order the placements, where the transaction writes.
func lockRows(ctx context.Context, tx *postgres.Tx, table string, ids []uuid.UUID) error {
	lock := tx.RowLock()
	if lock == "" {
		return nil
	}
	_, err := tx.Exec(ctx, `SELECT 1 FROM `+table+` WHERE org_id = $1 AND id = ANY ($2) ORDER BY id`+lock, tx.OrgID(), ids)
	return err
}
