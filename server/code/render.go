package code

import (
	"bytes"
	"context"

	"github.com/google/uuid"

	storev1 "github.com/doorstep-dev/doorstep/proto/doorstep/store/v1"
	"github.com/doorstep-dev/doorstep/server/code/draw"
	"github.com/doorstep-dev/doorstep/server/code/sheet"
	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Label is what is printed for a code that holds.
func (r *Room) Label(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (draw.Label, error) {
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
		var view TicketView
		view, _, err = r.Hooks.Ticket(ctx, tx, i.Target)
		l.Title = view.Number
		l.Lines = []string{view.Product.In("zh"), "扫码查看服务进度", "Scan to follow the job"}
	}
	return l, err
}

func (r *Room) labelUnit(ctx context.Context, tx *postgres.Tx, unit uuid.UUID, l *draw.Label) error {
	u, ok, err := unitByID(ctx, tx, unit)
	if err != nil || !ok {
		return err
	}
	p, ok, err := r.Hooks.Product(ctx, tx, u.Product)
	if err != nil {
		return err
	}
	if ok {
		l.Title = labelOf(p).In("zh")
	}
	company, _, err := r.Hooks.Company(ctx, tx)
	if err != nil {
		return err
	}
	// A small label drops its last lines. Whose it is and what to do with it comes before what the symbol holds anyway.
	if u.Serial != "" {
		l.Lines = append(l.Lines, "SN "+u.Serial)
	}
	l.Lines = append(l.Lines, company.In("zh"), "扫码预约安装 Scan to book")
	if p.GetModel() != "" {
		l.Lines = append(l.Lines, p.GetModel())
	}
	if ean, ok := u.GTIN.EAN13(); ok {
		l.Lines = append(l.Lines, "GTIN "+ean)
	}
	return nil
}

// Scales of a picture: pixels to a module, and dots to the millimetre of a label printer (203 dpi).
const (
	pngScale = 8
	zplDots  = 8
)

// Render draws labels. PNG and SVG hold one; A4 sheets and ZPL any number.
func (r *Room) Render(labels []draw.Label, f storev1.Format, l sheet.Layout) (content []byte, mediaType string, err error) {
	if len(labels) != 1 && (f == storev1.Format_FORMAT_PNG || f == storev1.Format_FORMAT_SVG) {
		return nil, "", fault.New(fault.InvalidArgument, "a picture holds one code; ask for a sheet")
	}
	switch f {
	case storev1.Format_FORMAT_PNG:
		content, err = draw.PNG(labels[0], draw.Q, pngScale)
		return content, "image/png", err
	case storev1.Format_FORMAT_SVG:
		content, err = draw.SVG(labels[0], draw.Q)
		return content, "image/svg+xml", err
	case storev1.Format_FORMAT_PDF_A4:
		content, err = sheet.PDF(labels, l, sheet.Options{Now: r.Now()})
		return content, "application/pdf", err
	case storev1.Format_FORMAT_ZPL:
		var b bytes.Buffer
		for _, label := range labels {
			z, err := draw.ZPL(label, draw.Q, zplDots)
			if err != nil {
				return nil, "", err
			}
			b.WriteString(z)
		}
		return b.Bytes(), "application/zpl", nil
	default:
		return nil, "", fault.New(fault.InvalidArgument, "format")
	}
}
