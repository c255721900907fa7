package catalogue

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/order/parse"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// PutProduct makes or changes a product; without an id, the product with its SKU. A GTIN of 8 to 14 digits is
// checked and kept with 14.
func (r *Catalogue) PutProduct(ctx context.Context, tx *postgres.Tx, p *fieldv1.Product) (*fieldv1.Product, error) {
	label, err := named("product", p.GetName())
	if err != nil {
		return nil, err
	}
	sku, err := plainIdentity("product.sku", p.GetSku())
	if err != nil {
		return nil, err
	}
	model, err := plainIdentity("product.model", p.GetModel())
	if err != nil {
		return nil, err
	}
	var gtin *string
	if p.GetGtin() != "" {
		g, err := parse.GTIN(p.GetGtin())
		if err != nil {
			return nil, fault.Wrap(err, fault.InvalidArgument, "product.gtin: 8, 12, 13 or 14 digits with a right check digit")
		}
		gtin = &g
	}
	class, err := uuid.FromBytes(p.GetClassId())
	switch {
	case err != nil:
		return nil, fault.Wrap(err, fault.InvalidArgument, "product.class_id")
	case sku == "" || len(sku) > 64 || len(model) > 100:
		return nil, fault.New(fault.InvalidArgument, "product.sku: 1 to 64 bytes; model: at most 100")
	case p.GetWarrantyMonths() > 1200:
		return nil, fault.New(fault.InvalidArgument, "product.warranty_months: at most 1200")
	}
	id, err := identify("product", p.GetId())
	if err != nil {
		return nil, err
	}
	if len(p.GetId()) == 0 {
		if old, ok, err := r.ProductBySKU(ctx, tx, sku); err != nil {
			return nil, err
		} else if ok {
			id = uuid.UUID(old.GetId())
		}
	}
	// The class before its product, to which the product refers.
	if _, err := tx.Exec(ctx, `SELECT FROM product_class
		WHERE org_id = $1 AND id = $2 FOR KEY SHARE`, tx.OrgID(), class); err != nil {
		return nil, err
	}
	_, err = tx.Exec(ctx, `INSERT INTO product (org_id, id, class_id, sku, gtin, model, name_zh, name_en, warranty_months)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (org_id, id) DO UPDATE SET class_id = excluded.class_id, sku = excluded.sku, gtin = excluded.gtin,
			model = excluded.model, name_zh = excluded.name_zh, name_en = excluded.name_en,
			warranty_months = excluded.warranty_months`,
		tx.OrgID(), id, class, sku, gtin, model, label.GetZh(), label.GetEn(), int32(p.GetWarrantyMonths()))
	if err != nil {
		return nil, taken(err, "product: sku, gtin or class_id")
	}
	out := &fieldv1.Product{
		Id: id[:], Sku: sku, Name: label, ClassId: class[:], Model: model,
		WarrantyMonths: p.GetWarrantyMonths(),
	}
	if gtin != nil {
		out.Gtin = *gtin
	}
	return out, place(tx, fieldv1.EntityKind_ENTITY_KIND_PRODUCT, id, out)
}

// plainIdentity is parse.Identity with a fault that names the field.
func plainIdentity(field, s string) (string, error) {
	id, err := parse.Identity(s)
	if err != nil {
		return "", fault.Wrap(err, fault.InvalidArgument, "%s: a spreadsheet has shortened it; give all digits", field)
	}
	return id, nil
}

// taken turns a broken unique key or a missing class into a fault.
func taken(err error, field string) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code {
		case "23505":
			return fault.Wrap(err, fault.Conflict, "%s is in use", field)
		case "23503":
			return fault.Wrap(err, fault.InvalidArgument, "%s is not known", field)
		}
	}
	return err
}

// unnamed is the namespace of products that stand for any product of a class.
var unnamed = uuid.MustParse("6f0d3c0a-5f0e-5b86-9a53-0d0c4f1d7a11")

// UnnamedProduct is the product that stands for any product of a class, for orders that only tell the class. It is
// made at its first use, with the SKU class:<key>.
func (r *Catalogue) UnnamedProduct(
	ctx context.Context, tx *postgres.Tx, class *fieldv1.ProductClass,
) (*fieldv1.Product, error) {
	sku := "class:" + class.GetKey()
	if p, ok, err := r.ProductBySKU(ctx, tx, sku); err != nil || ok {
		return p, err
	}
	id := uuid.NewSHA1(unnamed, append(orgBytes(tx), class.GetId()...))
	return r.PutProduct(ctx, tx, &fieldv1.Product{Id: id[:], Sku: sku, Name: class.GetName(), ClassId: class.GetId()})
}

// Product finds a product by its id.
func (r *Catalogue) Product(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (*fieldv1.Product, bool, error) {
	return oneProduct(ctx, tx, `id = $2`, id)
}

// ProductBySKU finds a product by the company's own number, in any writing.
func (r *Catalogue) ProductBySKU(ctx context.Context, tx *postgres.Tx, sku string) (*fieldv1.Product, bool, error) {
	return oneProduct(ctx, tx, `sku = $2`, parse.SearchIdentity(sku))
}

// ProductByGTIN finds a product by the 14 digits of its barcode.
func (r *Catalogue) ProductByGTIN(ctx context.Context, tx *postgres.Tx, gtin string) (*fieldv1.Product, bool, error) {
	return oneProduct(ctx, tx, `gtin = $2`, gtin)
}

// ProductByModel finds a product by its model name, the first by SKU where several have it.
func (r *Catalogue) ProductByModel(ctx context.Context, tx *postgres.Tx, model string) (*fieldv1.Product, bool, error) {
	return oneProduct(ctx, tx, `model = $2`, parse.SearchIdentity(model))
}

func oneProduct(ctx context.Context, tx *postgres.Tx, where string, arg any) (*fieldv1.Product, bool, error) {
	all, err := products(ctx, tx, ` AND `+where+` `, ` LIMIT 1`, arg)
	if err != nil || len(all) == 0 {
		return nil, false, err
	}
	return all[0], true, nil
}

func products(ctx context.Context, tx *postgres.Tx, where, limit string, args ...any) ([]*fieldv1.Product, error) {
	rows, err := tx.Query(ctx, `SELECT id, class_id, sku, coalesce(gtin, ''), model, name_zh, name_en, warranty_months
		FROM product
		WHERE org_id = $1`+where+` ORDER BY sku`+limit, append([]any{tx.OrgID()}, args...)...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*fieldv1.Product, error) {
		var id, class uuid.UUID
		var months int32
		p := &fieldv1.Product{Name: &typesv1.Label{}}
		err := row.Scan(&id, &class, &p.Sku, &p.Gtin, &p.Model, &p.Name.Zh, &p.Name.En, &months)
		p.Id, p.ClassId, p.WarrantyMonths = id[:], class[:], uint32(months)
		return p, err
	})
}

func orgBytes(tx *postgres.Tx) []byte {
	id := tx.OrgID()
	return id[:]
}
