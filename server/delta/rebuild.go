package delta

import (
	"context"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Projection tells which decisions stand on phones. What a decision said is kept nowhere but in its entries, so they
// are left as they are; those that are told no longer leave.
func (s *Service) Projection() postgres.Projection {
	return postgres.Projection{
		Name: "decisions", Kinds: []change.Kind{decisionKind},
		Roots: func(context.Context, *postgres.Tx) (string, error) { return postgres.ToldParked, nil },
		Place: func(ctx context.Context, tx *postgres.Tx, ids []uuid.UUID) error {
			told, err := tx.LockTold(ctx, ids)
			if err != nil {
				return err
			}
			return tx.PlaceAsItStands(ctx, decisionKind, told)
		},
	}
}
