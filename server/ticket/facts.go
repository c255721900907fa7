package ticket

import (
	"context"
	"time"

	"github.com/google/uuid"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/pay/plan"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// facts are what a pay plan asks about a job, with those charges that the customer agreed to. done is when it was
// completed; a job that nobody has done yet has no payee.
func (j *job) facts(ctx context.Context, technician uuid.UUID, done time.Time, charges []Charge) (plan.Facts, error) {
	t := &j.t
	f := plan.Facts{
		Ticket: t.ID, Number: t.Number, Rework: t.ReworkOf != nil, Opened: t.OpenedAt, Completed: done,
	}
	if t.OrderID != nil {
		f.Ordered = value(t.PurchasedAt)
	}
	if technician != uuid.Nil {
		f.Payees = []plan.Share{{Payee: technician, Weight: 1}}
	}
	var err error
	if f.Class, err = j.tickets.goods.ClassKey(ctx, j.tx, value(t.ClassID)); err != nil {
		return f, err
	}
	for _, c := range charges {
		p, err := j.tickets.goods.PriceItem(ctx, j.tx, c.PriceItemID, j.tx.Now())
		if err != nil && fault.CodeOf(err) != fault.NotFound {
			return f, err
		}
		item := plan.Item{SKU: p.SKU, Name: c.Name, Quantity: int64(c.Quantity), UnitPrice: c.UnitPrice}
		if c.Kind == fieldv1.PriceItemKind_PRICE_ITEM_KIND_PART {
			f.Parts = append(f.Parts, item)
		} else {
			f.Surcharges = append(f.Surcharges, item)
		}
	}
	return f, nil
}
