package order

import (
	"context"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Standing is what somebody may do to customers' records. This is the only place that says so:
//
//   - a stranger, the zero value, changes no record: what he says stands beside it as a proposal;
//   - a clerk changes records of customers who have ordered at his shops and nowhere else;
//   - the office changes records of customers who have ordered within its regions and nowhere else;
//   - the office of the whole company changes every record;
//   - who is a VIP is for the office to say.
//
// Whatever one may not change becomes a proposal.
type Standing struct {
	// Records is where all orders of a customer must lie for the record to be changed.
	Records Reach
	// VIP is over whom VIPs may be made.
	VIP Reach
}

// Office is the standing of the whole company's office, and of its operator.
func Office() Standing { return Standing{Records: Reach{All: true}, VIP: Reach{All: true}} }

// Counter is the standing of a clerk at a shop.
func Counter(shop uuid.UUID) Standing { return Standing{Records: Reach{Stores: []uuid.UUID{shop}}} }

// Reach is a set of orders: all, or those of some shops and regions. A team has no orders.
type Reach = identity.Reach

// keeps tells whether all orders of a customer lie within reach.
func keeps(ctx context.Context, tx *postgres.Tx, r Reach, customer uuid.UUID) (bool, error) {
	if r.All || len(r.Stores)+len(r.Regions) == 0 {
		return r.All, nil
	}
	var outside bool
	err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM purchase WHERE org_id = $1 AND customer_id = $2
		AND NOT coalesce(store_id = ANY ($3), false) AND NOT coalesce(region_id = ANY ($4), false))`,
		tx.OrgID(), customer, notNil(r.Stores), notNil(r.Regions)).Scan(&outside)
	return !outside, err
}

// notNil is never nil: NULL would make a comparison say nothing.
func notNil(ids []uuid.UUID) []uuid.UUID {
	if ids == nil {
		return []uuid.UUID{}
	}
	return ids
}
