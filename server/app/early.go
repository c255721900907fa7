package app

import (
	"context"

	"github.com/google/uuid"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/civil"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// early is what a phone needs first when it begins from nothing: who it belongs to, the keys of receipts, the open jobs
// until the end of the company's day, and what is known of their photos.
func (a *App) early(r *Rooms) func(context.Context, *postgres.Tx, identity.Identity) (feed.Wanted, error) {
	return func(ctx context.Context, tx *postgres.Tx, who identity.Identity) (feed.Wanted, error) {
		zone, err := r.Account.Zone(ctx, tx)
		if err != nil {
			return feed.Wanted{}, err
		}
		tomorrow := civil.DayOf(a.config.Now(), zone).Add(0, 1).Start(zone)
		w, err := r.Ticket.Early(ctx, tx, who.User, tomorrow)
		if err != nil {
			return w, err
		}
		w.Kinds = append(w.Kinds, change.Kind(fieldv1.EntityKind_ENTITY_KIND_VERIFY_KEY),
			change.Kind(fieldv1.EntityKind_ENTITY_KIND_PROFILE))
		tickets := make([]uuid.UUID, len(w.Groups))
		for i, job := range w.Groups {
			tickets[i] = job[0].ID
		}
		proofs, err := r.Proof.Of(ctx, tx, tickets)
		for i, ticket := range tickets {
			for _, id := range proofs[ticket] {
				w.Groups[i] = append(w.Groups[i], change.Entity{Kind: change.Kind(fieldv1.EntityKind_ENTITY_KIND_PROOF), ID: id})
			}
		}
		return w, err
	}
}
