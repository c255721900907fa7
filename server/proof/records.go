package proof

import (
	"context"

	"github.com/google/uuid"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Records answers what other rooms ask about proofs, and calls no other room.
type Records struct{}

// Manifest lists what is attached to a visit and not refused, whether its bytes are here or not, in the order in
// which it came.
func (Records) Manifest(ctx context.Context, tx *postgres.Tx, visit uuid.UUID) ([]*fieldv1.Proof, error) {
	return entities(collect(ctx, tx, `SELECT `+columns+` WHERE p.org_id = $1 AND p.visit_id = $2 AND p.state <> $3
		ORDER BY p.server_time, p.id`,
		tx.OrgID(), visit, int16(refused)))
}

// OfVisit lists all proofs of a visit, the refused ones too, in the order in which they came.
func (Records) OfVisit(ctx context.Context, tx *postgres.Tx, visit uuid.UUID) ([]*fieldv1.Proof, error) {
	return entities(collect(ctx, tx, `SELECT `+columns+` WHERE p.org_id = $1 AND p.visit_id = $2
		ORDER BY p.server_time, p.id`, tx.OrgID(), visit))
}

// OfTicket lists all proofs of a ticket, the refused ones too, in the order in which they came.
func (Records) OfTicket(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID) ([]*fieldv1.Proof, error) {
	return entities(collect(ctx, tx, `SELECT `+columns+` WHERE p.org_id = $1 AND p.ticket_id = $2
		ORDER BY p.server_time, p.id`, tx.OrgID(), ticket))
}

func entities(rows []*row, err error) ([]*fieldv1.Proof, error) {
	out := make([]*fieldv1.Proof, len(rows))
	for i, p := range rows {
		out[i] = p.entity()
	}
	return out, err
}

// Settled tells whether pay may be posted on the ticket's proof: the bytes of all that is attached have been looked
// at, and for every refused photo of a kind that checklists require (before, serial plate, after) another was
// attached later at the same step and verified. A ticket without any proof is settled. Later is by the office's clock,
// never by the phone's; among those that came in one transaction, which have one time, by their ids.
func (Records) Settled(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID) (ok bool, err error) {
	err = tx.QueryRow(ctx, `SELECT NOT EXISTS (SELECT FROM proof WHERE org_id = $1 AND ticket_id = $2 AND state IN (1, 2))
		AND NOT EXISTS (
			SELECT FROM proof bad WHERE org_id = $1 AND ticket_id = $2 AND state = 4 AND kind IN (1, 2, 3) GROUP BY step, kind
			HAVING count(*) > (SELECT count(*) FROM proof good WHERE good.org_id = $1 AND good.ticket_id = $2 AND good.state = 3
				AND good.step = bad.step AND good.kind = bad.kind AND (good.server_time, good.id) >
					(min(bad.server_time), (array_agg(bad.id ORDER BY bad.server_time, bad.id))[1])))`,
		tx.OrgID(), ticket).Scan(&ok)
	return ok, err
}

// Moved takes the ticket's proofs from one technician's feed and puts them on another's; a zero id is nobody.
// It is called in the transaction that moves the ticket. Who made a proof may still send its bytes.
func (Records) Moved(ctx context.Context, tx *postgres.Tx, ticket, _, to uuid.UUID) error {
	rows, err := collect(ctx, tx, `SELECT `+columns+` WHERE p.org_id = $1 AND p.ticket_id = $2 ORDER BY p.id
		FOR UPDATE OF p`, tx.OrgID(), ticket)
	if err != nil || len(rows) == 0 {
		return err
	}
	var holder *uuid.UUID
	if to != uuid.Nil {
		holder = &to
	}
	if _, err := tx.Exec(ctx, `UPDATE proof SET holder_id = $3
		WHERE org_id = $1 AND ticket_id = $2`, tx.OrgID(), ticket, holder); err != nil {
		return err
	}
	for _, p := range rows {
		p.HolderID = holder
		if err := place(tx, p); err != nil {
			return err
		}
	}
	return nil
}
