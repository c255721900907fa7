// Package catalogue is the room of what is sold and what it costs: product classes, products, and the price list of
// parts and surcharges with prices that begin at their time. Everything in it stands on the org's feed, so that a
// phone can look it up in a basement. Templates and reasons belong to the ticket room; this room only serves them.
package catalogue

import (
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

// Catalogue keeps the catalogue. Make it with New.
type Catalogue struct {
	Store *postgres.Store
	// Now is the office's clock.
	Now     func() time.Time
	company Company
}

// New makes the room of the catalogue of companies.
func New(store *postgres.Store, now func() time.Time, company Company) *Catalogue {
	return &Catalogue{Store: store, Now: now, company: company}
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
