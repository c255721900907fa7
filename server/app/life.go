package app

import (
	"slices"

	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Projections tell how everything on phones comes from the rooms' tables, what is looked up first.
func (r Rooms) Projections() []postgres.Projection {
	return slices.Concat(
		r.Catalogue.Projections(), r.Account.Projections(), r.Ticket.Projections(),
		[]postgres.Projection{r.Proof.Projection(), r.Code.Projection(), r.Pay.Plans(), r.Pay.Lines(), r.Delta.Projection()},
	)
}
