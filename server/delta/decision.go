package delta

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/intake"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

const decisionKind = change.Kind(fieldv1.EntityKind_ENTITY_KIND_DECISION)

// tell lets the author of a parked mutation know what became of it, on all their devices: the verdict that the
// device got is its first and stays, so the decision comes as an entity in the author's feeds, under the
// mutation's id. The caller holds the lock of the entry. Who follows no feed any more is told nothing.
func (s *Service) tell(ctx context.Context, tx *postgres.Tx, p postgres.Parked, r intake.Result) error {
	feeds, err := tx.Follows(ctx, p.Mutation.User)
	if err != nil {
		return err
	}
	edits, err := tx.Edits(ctx, p.Mutation.ID)
	if err != nil {
		return err
	}
	m := p.Mutation
	d := &fieldv1.Decision{
		Id: m.ID[:], UserId: m.User[:], DeviceId: m.Device[:], MutationKind: m.Kind, Reason: p.Reason,
		Edited: len(edits[m.ID]) > 0, At: timestamppb.New(p.ResolvedAt),
	}
	switch {
	case p.Resolution == "dismissed":
		d.Outcome, d.Edited = fieldv1.DecisionOutcome_DECISION_OUTCOME_DISMISSED, false
	case r.Outcome == change.Merged:
		d.Outcome = fieldv1.DecisionOutcome_DECISION_OUTCOME_MERGED
	default:
		d.Outcome = fieldv1.DecisionOutcome_DECISION_OUTCOME_APPLIED
	}
	if d.DecidedBy, err = s.people.NameOf(ctx, tx, p.ResolvedBy); err != nil {
		return err
	}
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(d)
	if err != nil {
		return err
	}
	var in []feed.Placement
	for _, f := range feeds {
		if f.Kind == "tech" || f.Kind == "store" {
			in = append(in, feed.Placement{Feed: f, Body: body})
		}
	}
	if len(in) == 0 {
		return nil
	}
	tx.Place(decisionKind, m.ID, in...)
	return tx.Told(ctx, m.ID)
}

// Untell takes decisions that were made before the given time out of the feeds, up to limit, and returns how many.
func (s *Service) Untell(ctx context.Context, tx *postgres.Tx, before time.Time, limit int) (int, error) {
	ids, err := tx.Untell(ctx, before, limit)
	for _, id := range ids {
		tx.Place(decisionKind, id)
	}
	return len(ids), err
}
