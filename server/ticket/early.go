package ticket

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/server/ticket/state"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// maxEarly bounds how many jobs a phone gets before all else: more than anybody does in a day.
const maxEarly = 60

// Early is what a technician's phone needs first when it begins from nothing: the jobs that are open and begun, or to
// begin before until, with what their checklists and reasons need. Each job is a group, whose first entity is the
// ticket.
func (r *Tickets) Early(ctx context.Context, tx *postgres.Tx, user uuid.UUID, until time.Time) (feed.Wanted, error) {
	w := feed.Wanted{Kinds: []change.Kind{change.Kind(fieldv1.EntityKind_ENTITY_KIND_REASON)}}
	rows, err := tx.Query(ctx, `
		SELECT t.id, v.id, t.template_id, t.product_id, t.class_id
		FROM ticket t JOIN visit v ON v.org_id = t.org_id AND v.id = t.visit_id
		WHERE t.org_id = $1 AND t.technician_id = $2 AND NOT t.archived AND v.technician_id = $2
			AND (v.state = ANY ($3) OR v.state = ANY ($4) AND coalesce(v.scheduled_from, v.created_at) < $5)
		ORDER BY coalesce(v.scheduled_from, v.created_at), t.id LIMIT $6`,
		tx.OrgID(), user, []int16{int16(state.VisitTraveling), int16(state.VisitOnSite), int16(state.VisitOnBreak)},
		[]int16{int16(state.VisitScheduled), int16(state.VisitDispatched), int16(state.VisitAccepted)}, until, maxEarly)
	if err != nil {
		return w, err
	}
	seen := map[change.Entity]bool{}
	var job []change.Entity
	add := func(kind fieldv1.EntityKind, id *uuid.UUID) {
		if id == nil || seen[change.Entity{Kind: change.Kind(kind), ID: *id}] {
			return
		}
		e := change.Entity{Kind: change.Kind(kind), ID: *id}
		seen[e] = true
		job = append(job, e)
	}
	var ticket, visit uuid.UUID
	var template, product, class *uuid.UUID
	_, err = pgx.ForEachRow(rows, []any{&ticket, &visit, &template, &product, &class}, func() error {
		job = nil
		add(fieldv1.EntityKind_ENTITY_KIND_TICKET, &ticket)
		add(fieldv1.EntityKind_ENTITY_KIND_VISIT, &visit)
		add(fieldv1.EntityKind_ENTITY_KIND_TEMPLATE, template)
		add(fieldv1.EntityKind_ENTITY_KIND_PRODUCT, product)
		add(fieldv1.EntityKind_ENTITY_KIND_PRODUCT_CLASS, class)
		w.Groups = append(w.Groups, job)
		return nil
	})
	return w, err
}
