// Package catalogue is the room of what is sold and what it costs: product classes, products, and the price list of
// parts and surcharges with prices that begin at their time. Everything in it stands on the org's feed, so that a
// phone can look it up in a basement. Templates and reasons belong to the ticket room; this room only serves them.
package catalogue

import (
	"context"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Catalogue keeps the catalogue.
type Catalogue struct {
	Store *postgres.Store
	// Now is the office's clock.
	Now func() time.Time

	// Currency is the company's. From the account room; while it is nil any is taken.
	Currency func(ctx context.Context, tx *postgres.Tx) (string, error)

	// The ticket room's templates and reasons, for CatalogueService.
	PutTemplate   func(ctx context.Context, tx *postgres.Tx, t *fieldv1.Template) (*fieldv1.Template, error)
	ListTemplates func(ctx context.Context, tx *postgres.Tx) ([]*fieldv1.Template, error)
	PutReason     func(ctx context.Context, tx *postgres.Tx, r *fieldv1.Reason) (*fieldv1.Reason, error)
	ListReasons   func(ctx context.Context, tx *postgres.Tx) ([]*fieldv1.Reason, error)
}

// identify returns the id that the caller chose, or a new one.
func identify(field string, b []byte) (uuid.UUID, error) {
	if len(b) == 0 {
		return uuid.NewV7()
	}
	id, err := uuid.FromBytes(b)
	if err != nil {
		return uuid.Nil, fault.Wrap(err, fault.InvalidArgument, "%s.id", field)
	}
	return id, nil
}

// named fills a label's missing half with the other and checks it.
func named(field string, l *typesv1.Label) (*typesv1.Label, error) {
	out := &typesv1.Label{Zh: l.GetZh(), En: l.GetEn()}
	if out.Zh == "" {
		out.Zh = out.GetEn()
	}
	if out.En == "" {
		out.En = out.GetZh()
	}
	if out.GetZh() == "" || len(out.GetZh()) > 200 || len(out.GetEn()) > 200 {
		return nil, fault.New(fault.InvalidArgument, "%s.name: 1 to 200 bytes", field)
	}
	return out, nil
}

// place shows an entity to all phones of the org.
func place(tx *postgres.Tx, kind fieldv1.EntityKind, id uuid.UUID, m proto.Message) error {
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "")
	}
	tx.Place(change.Kind(kind), id, feed.Placement{Feed: change.FeedID{Kind: "org", Key: tx.OrgID()}, Body: body})
	return nil
}
