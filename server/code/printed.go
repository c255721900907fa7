package code

import (
	"context"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/server/label/draw"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Label is what is printed for a code that holds.
func (r *Codes) Label(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (draw.Label, error) {
	i, ok, err := codeByID(ctx, tx, id)
	if err != nil {
		return draw.Label{}, err
	}
	if !ok {
		return draw.Label{}, fault.New(fault.NotFound, "")
	}
	if !i.valid(tx.Now()) {
		return draw.Label{}, fault.New(fault.Conflict, "the code %s is revoked or has expired", i.Human)
	}
	l := draw.Label{Human: i.Human.String()}
	if l.Content, err = r.Text(ctx, tx, i); err != nil {
		return l, err
	}
	switch i.Kind {
	case token.Unit:
		err = r.labelUnit(ctx, tx, i.Target, &l)
	case token.Entry:
		l.Title, err = r.shopName(ctx, tx, i.Target)
		l.Lines = []string{"扫码预约上门服务", "Scan to book a visit"}
	case token.Ticket:
		var view Ticket
		view, _, err = r.tickets.Ticket(ctx, tx, i.Target)
		l.Title = view.Number
		l.Lines = []string{view.ProductName, "扫码查看服务进度", "Scan to follow the job"}
	}
	return l, err
}

func (r *Codes) labelUnit(ctx context.Context, tx *postgres.Tx, unit uuid.UUID, l *draw.Label) error {
	u, ok, err := unitByID(ctx, tx, unit)
	if err != nil || !ok {
		return err
	}
	p, ok, err := r.goods.Product(ctx, tx, u.Product)
	if err != nil {
		return err
	}
	if ok {
		l.Title = chinese(p)
	}
	company, err := r.people.CompanyName(ctx, tx)
	if err != nil {
		return err
	}
	// A small label drops its last lines. Whose it is and what to do with it comes before what the symbol holds anyway.
	if u.Serial != "" {
		l.Lines = append(l.Lines, "SN "+u.Serial)
	}
	l.Lines = append(l.Lines, company, "扫码预约安装 Scan to book")
	if p.GetModel() != "" {
		l.Lines = append(l.Lines, p.GetModel())
	}
	if ean, ok := u.GTIN.EAN13(); ok {
		l.Lines = append(l.Lines, "GTIN "+ean)
	}
	return nil
}
