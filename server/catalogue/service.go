package catalogue

import (
	"context"
	"net/http"
	"time"

	"connectrpc.com/connect"

	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/office/v1/officev1connect"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Handlers registers CatalogueService, which also serves the templates and reasons of tickets.
func (r *Catalogue) Handlers(
	templates Templates, handle func(path string, h http.Handler), options ...connect.HandlerOption,
) {
	handle(officev1connect.NewCatalogueServiceHandler(service{r, templates}, options...))
}

type service struct {
	catalogue *Catalogue
	templates Templates
}

// write runs fn for an administrator of the whole org.
func (s service) write(ctx context.Context, fn func(*postgres.Tx) error) error {
	who, reach, err := identity.Acting(ctx, identity.Admin)
	if err != nil {
		return err
	}
	if !reach.All {
		return fault.New(fault.Forbidden, "")
	}
	return s.catalogue.Store.Transact(ctx, change.Org(who.Org), fn)
}

// ListCatalogue implements CatalogueService: everybody of the org may read the catalogue.
func (s service) ListCatalogue(
	ctx context.Context, _ *connect.Request[officev1.ListCatalogueRequest],
) (*connect.Response[officev1.ListCatalogueResponse], error) {
	who, err := identity.Require(ctx)
	if err != nil {
		return nil, err
	}
	out := &officev1.ListCatalogueResponse{}
	err = s.catalogue.Store.Read(ctx, change.Org(who.Org), func(tx *postgres.Tx) (err error) {
		if out.Classes, err = classes(ctx, tx, ``); err != nil {
			return err
		}
		if out.Products, err = products(ctx, tx, ``, ``); err != nil {
			return err
		}
		if out.Prices, err = s.catalogue.PriceItems(ctx, tx, tx.Now()); err != nil {
			return err
		}
		if out.Templates, err = s.templates.ListTemplates(ctx, tx); err != nil {
			return err
		}
		out.Reasons, err = s.templates.ListReasons(ctx, tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(out), nil
}

// PutProduct implements CatalogueService.
func (s service) PutProduct(
	ctx context.Context, req *connect.Request[officev1.PutProductRequest],
) (*connect.Response[officev1.PutProductResponse], error) {
	out := &officev1.PutProductResponse{}
	err := s.write(ctx, func(tx *postgres.Tx) (err error) {
		out.Product, err = s.catalogue.PutProduct(ctx, tx, req.Msg.GetProduct())
		return err
	})
	return answer(out, err)
}

// PutProductClass implements CatalogueService.
func (s service) PutProductClass(
	ctx context.Context, req *connect.Request[officev1.PutProductClassRequest],
) (*connect.Response[officev1.PutProductClassResponse], error) {
	out := &officev1.PutProductClassResponse{}
	err := s.write(ctx, func(tx *postgres.Tx) (err error) {
		out.Class, err = s.catalogue.PutClass(ctx, tx, req.Msg.GetClass())
		return err
	})
	return answer(out, err)
}

// PutPriceItem implements CatalogueService.
func (s service) PutPriceItem(
	ctx context.Context, req *connect.Request[officev1.PutPriceItemRequest],
) (*connect.Response[officev1.PutPriceItemResponse], error) {
	out := &officev1.PutPriceItemResponse{}
	var from time.Time
	if t := req.Msg.GetEffectiveFrom(); t != nil {
		from = t.AsTime()
	}
	err := s.write(ctx, func(tx *postgres.Tx) (err error) {
		out.Item, err = s.catalogue.PutPriceItem(ctx, tx, req.Msg.GetItem(), from)
		return err
	})
	return answer(out, err)
}

// PutReason implements CatalogueService.
func (s service) PutReason(
	ctx context.Context, req *connect.Request[officev1.PutReasonRequest],
) (*connect.Response[officev1.PutReasonResponse], error) {
	out := &officev1.PutReasonResponse{}
	err := s.write(ctx, func(tx *postgres.Tx) (err error) {
		out.Reason, err = s.templates.PutReason(ctx, tx, req.Msg.GetReason())
		return err
	})
	return answer(out, err)
}

// PutTemplate implements CatalogueService.
func (s service) PutTemplate(
	ctx context.Context, req *connect.Request[officev1.PutTemplateRequest],
) (*connect.Response[officev1.PutTemplateResponse], error) {
	out := &officev1.PutTemplateResponse{}
	err := s.write(ctx, func(tx *postgres.Tx) error {
		t, err := s.templates.PutTemplate(ctx, tx, req.Msg.GetTemplate())
		out.Template = t
		return err
	})
	return answer(out, err)
}

func answer[T any](out *T, err error) (*connect.Response[T], error) {
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(out), nil
}
