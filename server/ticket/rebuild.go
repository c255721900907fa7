package ticket

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Projections tell how phones' tickets, notices, templates and reasons come from the tables.
func (r *Tickets) Projections() []postgres.Projection {
	of := func(rows string) func(context.Context, *postgres.Tx) (string, error) {
		return func(context.Context, *postgres.Tx) (string, error) { return rows, nil }
	}
	return []postgres.Projection{
		{
			Name: "tickets",
			Kinds: []change.Kind{
				change.Kind(fieldv1.EntityKind_ENTITY_KIND_TICKET), change.Kind(fieldv1.EntityKind_ENTITY_KIND_VISIT),
				change.Kind(fieldv1.EntityKind_ENTITY_KIND_POOL_TICKET), change.Kind(fieldv1.EntityKind_ENTITY_KIND_OPEN_TICKET),
			},
			Roots: of(`SELECT id FROM ticket WHERE org_id = $1 AND NOT archived`),
			// 11 is a visit; the others have the ticket's own id.
			Root: `CASE WHEN e.kind = 11 THEN (SELECT v.ticket_id FROM visit v WHERE v.org_id = e.org_id AND v.id = e.entity_id)
				ELSE e.entity_id END`,
			Place: r.placeAnew, Ages: ages,
		},
		{
			Name: "notices", Kinds: []change.Kind{change.Kind(fieldv1.EntityKind_ENTITY_KIND_NOTICE)},
			Roots: of(`SELECT id FROM ticket_notice WHERE org_id = $1 AND NOT archived`), Place: placeNotices,
		},
		{
			Name: "templates", Kinds: []change.Kind{change.Kind(fieldv1.EntityKind_ENTITY_KIND_TEMPLATE)},
			Roots: of(`SELECT id FROM ticket_template WHERE org_id = $1`), Place: placeTemplates,
		},
		{
			Name: "reasons", Kinds: []change.Kind{change.Kind(fieldv1.EntityKind_ENTITY_KIND_REASON)},
			Roots: of(`SELECT id FROM ticket_reason WHERE org_id = $1`), Place: placeReasons,
		},
	}
}

// placeAnew shows tickets where and as they stand.
func (r *Tickets) placeAnew(ctx context.Context, tx *postgres.Tx, tickets []uuid.UUID) error {
	for _, id := range tickets {
		j, err := r.read(ctx, tx, id, tx.RowLock())
		if fault.CodeOf(err) == fault.NotFound {
			continue
		}
		if err != nil {
			return err
		}
		j.anew = true
		if err := j.place(ctx); err != nil {
			return err
		}
	}
	return nil
}

// ages tells what a ticket shows of other things, at the time at which it changed itself: the earlier jobs of its
// customer, and what the plan in force pays.
func ages(kind change.Kind, stands, should []byte) bool {
	switch fieldv1.EntityKind(kind) {
	case fieldv1.EntityKind_ENTITY_KIND_TICKET:
		a, b := &fieldv1.Ticket{}, &fieldv1.Ticket{}
		if proto.Unmarshal(stands, a) != nil || proto.Unmarshal(should, b) != nil {
			return false
		}
		a.History, b.History = nil, nil
		return proto.Equal(a, b)
	case fieldv1.EntityKind_ENTITY_KIND_POOL_TICKET:
		a, b := &fieldv1.PoolTicket{}, &fieldv1.PoolTicket{}
		if proto.Unmarshal(stands, a) != nil || proto.Unmarshal(should, b) != nil {
			return false
		}
		a.Pays, b.Pays = nil, nil
		return proto.Equal(a, b)
	}
	return false
}

// noticeRow is a notice as the table keeps it.
type noticeRow struct {
	ID           uuid.UUID
	TechnicianID uuid.UUID
	TicketID     uuid.UUID
	Kind         string
	TextZH       string
	TextEN       string
	At           time.Time
	Archived     bool
}

func placeNotices(ctx context.Context, tx *postgres.Tx, ids []uuid.UUID) error {
	rows, err := tx.Query(ctx, `SELECT id, technician_id, ticket_id, kind, text_zh, text_en, at, archived
		FROM ticket_notice
		WHERE org_id = $1 AND id = ANY ($2) ORDER BY id`+tx.RowLock(), tx.OrgID(), ids)
	if err != nil {
		return err
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByName[noticeRow])
	for _, n := range all {
		if n.Archived {
			tx.Place(change.Kind(fieldv1.EntityKind_ENTITY_KIND_NOTICE), n.ID)
			continue
		}
		placeNotice(tx, n.TechnicianID, &fieldv1.Notice{
			Id: n.ID[:], TicketId: n.TicketID[:], Kind: n.Kind, Text: &typesv1.Label{Zh: n.TextZH, En: n.TextEN},
			At: timeWire(&n.At),
		})
	}
	return err
}

func placeTemplates(ctx context.Context, tx *postgres.Tx, ids []uuid.UUID) error {
	rows, err := tx.Query(ctx, `SELECT id, body FROM ticket_template WHERE org_id = $1 AND id = ANY ($2)
		ORDER BY id`+tx.RowLock(), tx.OrgID(), ids)
	if err != nil {
		return err
	}
	var id uuid.UUID
	var b []byte
	_, err = pgx.ForEachRow(rows, []any{&id, &b}, func() error {
		tx.Place(change.Kind(fieldv1.EntityKind_ENTITY_KIND_TEMPLATE), id, orgPlacement(tx, b))
		b = nil
		return nil
	})
	return err
}

func placeReasons(ctx context.Context, tx *postgres.Tx, ids []uuid.UUID) error {
	rows, err := tx.Query(ctx, `SELECT id, use, key, name_zh, name_en FROM ticket_reason
		WHERE org_id = $1 AND id = ANY ($2) ORDER BY id`+tx.RowLock(),
		tx.OrgID(), ids)
	if err != nil {
		return err
	}
	var id uuid.UUID
	w := &fieldv1.Reason{Name: &typesv1.Label{}}
	_, err = pgx.ForEachRow(rows, []any{&id, &w.Use, &w.Key, &w.Name.Zh, &w.Name.En}, func() error {
		tx.Place(change.Kind(fieldv1.EntityKind_ENTITY_KIND_REASON), id, orgPlacement(tx, body(w)))
		return nil
	})
	return err
}
