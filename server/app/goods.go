package app

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/catalogue"
	"github.com/doorstep-dev/doorstep/server/money"
	"github.com/doorstep-dev/doorstep/server/ticket"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// ticketGoods are ticket.Goods: the catalogue in the words of tickets.
type ticketGoods struct{ catalogue *catalogue.Catalogue }

func (g ticketGoods) Product(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (ticket.Product, error) {
	p, ok, err := g.catalogue.Product(ctx, tx, id)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "product")
	}
	if err != nil {
		return ticket.Product{}, err
	}
	out := ticket.Product{
		Name: p.GetName().GetZh(), Model: p.GetModel(), ClassID: idOf(p.GetClassId()),
		WarrantyMonths: int(p.GetWarrantyMonths()),
	}
	class, ok, err := g.catalogue.Class(ctx, tx, out.ClassID)
	if err != nil || !ok {
		return out, err
	}
	out.TemplateID, out.Skills = idOf(class.GetTemplateId()), class.GetSkills()
	out.Duration = time.Duration(class.GetDurationMinutes()) * time.Minute
	return out, nil
}

func (g ticketGoods) PriceItem(
	ctx context.Context, tx *postgres.Tx, id uuid.UUID, at time.Time,
) (ticket.PriceItem, error) {
	p, ok, err := g.catalogue.PriceItem(ctx, tx, id, at)
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "price item")
	}
	if err != nil {
		return ticket.PriceItem{}, err
	}
	price := money.Amount{Minor: p.GetPrice().GetMinor(), Currency: money.Currency(p.GetPrice().GetCurrency())}
	return ticket.PriceItem{Kind: p.GetKind(), Name: p.GetName().GetZh(), SKU: p.GetSku(), Price: price}, nil
}

func (g ticketGoods) ClassKey(ctx context.Context, tx *postgres.Tx, class uuid.UUID) (string, error) {
	c, _, err := g.catalogue.Class(ctx, tx, class)
	return c.GetKey(), err
}

// idOf reads an id of our own messages; nothing else can be in them.
func idOf(b []byte) uuid.UUID {
	id, err := uuid.FromBytes(b)
	if err != nil {
		return uuid.Nil
	}
	return id
}
