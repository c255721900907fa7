package ticket

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/ticket/checklist"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// PutTemplate adds a version of the template with its key, the first or the next, and shows it to all phones.
// Tickets that are open keep the version that they have, so earlier versions stay. The id and version given are
// ignored and set anew, but an id that is unknown yet is kept, so that a repeated call adds nothing.
func (r *Tickets) PutTemplate(ctx context.Context, tx *postgres.Tx, t *fieldv1.Template) (*fieldv1.Template, error) {
	if err := checklist.Check(t); err != nil {
		return nil, err
	}
	t = proto.CloneOf(t)
	id, err := uuid.FromBytes(t.GetId())
	if err != nil {
		if id, err = uuid.NewV7(); err != nil {
			return nil, err
		}
	} else if old, err := template(ctx, tx, id); err == nil {
		t.Version = old.GetVersion()
		if proto.Equal(t, old) {
			return old, nil
		}
		if id, err = uuid.NewV7(); err != nil {
			return nil, err
		}
	} else if fault.CodeOf(err) != fault.NotFound {
		return nil, err
	}
	t.Id = id[:]
	err = tx.QueryRow(ctx, `SELECT coalesce(max(version), 0) + 1 FROM ticket_template WHERE org_id = $1 AND key = $2`,
		tx.OrgID(), t.GetKey()).Scan(&t.Version)
	if err != nil {
		return nil, err
	}
	b := body(t)
	tag, err := tx.Exec(ctx, `INSERT INTO ticket_template (org_id, id, key, version, body, created_at)
		VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT DO NOTHING`, tx.OrgID(), id, t.GetKey(), int32(t.GetVersion()), b, tx.Now())
	if err != nil {
		return nil, err
	}
	if tag.RowsAffected() == 0 {
		return nil, fault.New(fault.Conflict, "template %s", t.GetKey())
	}
	tx.Place(change.Kind(fieldv1.EntityKind_ENTITY_KIND_TEMPLATE), id, orgPlacement(tx, b))
	return t, nil
}

// ListTemplates returns the newest version of each template, by key.
func (r *Tickets) ListTemplates(ctx context.Context, tx *postgres.Tx) ([]*fieldv1.Template, error) {
	rows, err := tx.Query(ctx, `SELECT DISTINCT ON (key) body FROM ticket_template WHERE org_id = $1
		ORDER BY key, version DESC`, tx.OrgID())
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*fieldv1.Template, error) {
		var b []byte
		if err := row.Scan(&b); err != nil {
			return nil, err
		}
		t := &fieldv1.Template{}
		return t, proto.Unmarshal(b, t)
	})
}

// template reads one version; NotFound when there is none.
func template(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (*fieldv1.Template, error) {
	var b []byte
	err := tx.QueryRow(ctx, `SELECT body FROM ticket_template WHERE org_id = $1 AND id = $2`, tx.OrgID(), id).Scan(&b)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, fault.New(fault.NotFound, "template")
	}
	if err != nil {
		return nil, err
	}
	t := &fieldv1.Template{}
	return t, proto.Unmarshal(b, t)
}

// newestTemplate is the newest version of the template that id is a version of; nil when id is unknown.
func newestTemplate(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (*uuid.UUID, error) {
	var newest uuid.UUID
	err := tx.QueryRow(ctx, `
		SELECT n.id FROM ticket_template t JOIN ticket_template n ON n.org_id = t.org_id AND n.key = t.key
		WHERE t.org_id = $1 AND t.id = $2 ORDER BY n.version DESC LIMIT 1`, tx.OrgID(), id).Scan(&newest)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return &newest, err
}

// reasonUses are what reasons are for.
var reasonUses = map[string]bool{
	"decline": true, "cannot_complete": true, "cancel": true, "reschedule": true, "refuse_proof": true,
	"hold": true, "rework": true,
}

// PutReason adds or renames a reason code and shows it to all phones.
func (r *Tickets) PutReason(ctx context.Context, tx *postgres.Tx, w *fieldv1.Reason) (*fieldv1.Reason, error) {
	if !reasonUses[w.GetUse()] || !reasonKey(w.GetKey()) || w.GetName().GetZh()+w.GetName().GetEn() == "" {
		return nil, fault.New(fault.InvalidArgument, "reason: use, key (a-z, 0-9, _) and a name")
	}
	// The entity's id follows from org, use and key, so that it is the same however often it is put.
	id := uuid.NewSHA1(tx.OrgID(), []byte("reason/"+w.GetUse()+"/"+w.GetKey()))
	_, err := tx.Exec(ctx, `INSERT INTO ticket_reason (org_id, use, key, id, name_zh, name_en)
		VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (org_id, use, key) DO UPDATE SET name_zh = $5, name_en = $6`,
		tx.OrgID(), w.GetUse(), w.GetKey(), id, w.GetName().GetZh(), w.GetName().GetEn())
	if err != nil {
		return nil, err
	}
	tx.Place(change.Kind(fieldv1.EntityKind_ENTITY_KIND_REASON), id, orgPlacement(tx, body(w)))
	return w, nil
}

func reasonKey(k string) bool {
	for _, c := range k {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return k != "" && len(k) <= 64
}

// knownReason tells whether the company has a reason of that use and key. One that has none of that use takes any.
func knownReason(ctx context.Context, tx *postgres.Tx, use, key string) (known bool, err error) {
	err = tx.QueryRow(ctx, `SELECT coalesce(bool_or(key = $3), true) FROM ticket_reason WHERE org_id = $1 AND use = $2`,
		tx.OrgID(), use, key).Scan(&known)
	return known, err
}

// ListReasons returns all reason codes, by use and key.
func (r *Tickets) ListReasons(ctx context.Context, tx *postgres.Tx) ([]*fieldv1.Reason, error) {
	rows, err := tx.Query(ctx, `SELECT use, key, name_zh, name_en FROM ticket_reason WHERE org_id = $1
		ORDER BY use, key`, tx.OrgID())
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*fieldv1.Reason, error) {
		w := &fieldv1.Reason{Name: &typesv1.Label{}}
		err := row.Scan(&w.Use, &w.Key, &w.Name.Zh, &w.Name.En)
		return w, err
	})
}

func orgPlacement(tx *postgres.Tx, b []byte) feed.Placement {
	return feed.Placement{Feed: change.FeedID{Kind: "org", Key: tx.OrgID()}, Body: b}
}

// notify leaves a notice for a technician, in both languages.
func (j *job) notify(technician uuid.UUID, kind, zh, en string) error {
	if technician == uuid.Nil {
		return nil
	}
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	at := j.tx.Now()
	zh, en = j.t.Number+" "+zh, j.t.Number+": "+en
	j.write(`INSERT INTO ticket_notice (org_id, id, technician_id, ticket_id, kind, text_zh, text_en, at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, j.tx.OrgID(), id, technician, j.t.ID, kind, zh, en, at)
	placeNotice(j.tx, technician, &fieldv1.Notice{
		Id: id[:], TicketId: j.t.ID[:], Kind: kind, Text: &typesv1.Label{Zh: zh, En: en}, At: timeWire(&at),
	})
	return nil
}

func placeNotice(tx *postgres.Tx, technician uuid.UUID, n *fieldv1.Notice) {
	tx.Place(change.Kind(fieldv1.EntityKind_ENTITY_KIND_NOTICE), uuid.UUID(n.GetId()), feed.Placement{
		Feed: change.FeedID{Kind: "tech", Key: technician}, Body: body(n),
	})
}

// Archive takes what nobody works on any more out of the phones: up to limit closed, cancelled or completed
// tickets and up to limit notices that have not changed since before. It returns how many left; the rows stay. A ticket
// of a technician who holds unsent work waits: it may be about that ticket, and its verdict comes first.
func (r *Tickets) Archive(ctx context.Context, tx *postgres.Tx, before time.Time, limit int) (int, error) {
	waits, err := r.people.Unsent(ctx, tx)
	if err != nil {
		return 0, err
	}
	rows, err := tx.Query(ctx, `SELECT id FROM ticket
		WHERE org_id = $1 AND changed_at < $2 AND NOT archived AND state IN (4, 6, 7)
			AND (technician_id IS NULL OR technician_id <> ALL (coalesce($4::uuid[], '{}')))
		ORDER BY changed_at LIMIT $3 FOR UPDATE SKIP LOCKED`, tx.OrgID(), before, limit, waits)
	if err != nil {
		return 0, err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		j, err := r.lock(ctx, tx, id)
		if err != nil {
			return 0, err
		}
		j.t.Archived = true
		if err := j.save(ctx); err != nil {
			return 0, err
		}
		// What other rooms show of it leaves the phone with it.
		if err := r.proofs.Moved(ctx, tx, id, value(j.t.TechnicianID), uuid.Nil); err != nil {
			return 0, err
		}
	}
	rows, err = tx.Query(ctx, `
		UPDATE ticket_notice SET archived = true WHERE org_id = $1 AND id IN (
			SELECT id FROM ticket_notice WHERE org_id = $1 AND at < $2 AND NOT archived ORDER BY at LIMIT $3
				FOR UPDATE SKIP LOCKED)
		RETURNING id`, tx.OrgID(), before, limit)
	if err != nil {
		return 0, err
	}
	notices, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	for _, id := range notices {
		tx.Place(change.Kind(fieldv1.EntityKind_ENTITY_KIND_NOTICE), id)
	}
	return len(ids) + len(notices), err
}
