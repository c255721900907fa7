package code

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/doorstep-dev/doorstep/clientgen/golang/codes/gs1"
	"github.com/doorstep-dev/doorstep/clientgen/golang/codes/human"
	"github.com/doorstep-dev/doorstep/server/code/token"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Issued is a code as it was issued.
type Issued struct {
	ID     uuid.UUID
	Kind   token.Kind
	Target uuid.UUID
	Human  human.Code
	// Expires and Revoked are zero for never.
	Expires, Revoked time.Time
}

// valid tells whether the code holds at the given time.
func (i Issued) valid(at time.Time) bool {
	return (i.Expires.IsZero() || at.Before(i.Expires)) && (i.Revoked.IsZero() || at.Before(i.Revoked))
}

const codeColumns = `code_id, kind, target_id, human_code, expires_at, revoked_at`

func scanCode(row pgx.Row) (Issued, bool, error) {
	var i Issued
	var expires, revoked *time.Time
	err := row.Scan(&i.ID, &i.Kind, &i.Target, &i.Human, &expires, &revoked)
	i.Expires, i.Revoked = fromNull(expires), fromNull(revoked)
	if errors.Is(err, pgx.ErrNoRows) {
		return i, false, nil
	}
	return i, err == nil, err
}

// TicketCodeLife is how long a customer's code for a ticket is good when nothing else is said.
const TicketCodeLife = 90 * 24 * time.Hour

// Issue makes a code for a unit, a store's entry or a ticket, which must exist. life is 0 for a code that does not
// expire; by is zero for the server itself.
func (r *Codes) Issue(
	ctx context.Context, tx *postgres.Tx, kind token.Kind, target uuid.UUID, life time.Duration, by change.User,
) (Issued, error) {
	if err := r.exists(ctx, tx, kind, target); err != nil {
		return Issued{}, err
	}
	if err := register(ctx, tx); err != nil {
		return Issued{}, err
	}
	i := Issued{Kind: kind, Target: target}
	if life > 0 {
		i.Expires = tx.Now().Add(life).Truncate(time.Second)
	}
	if kind == token.Unit { // before its code, as everywhere
		if _, _, err := lockUnit(ctx, tx, target); err != nil {
			return Issued{}, err
		}
	}
	var err error
	if i.ID, err = token.NewID(tx.OrgID()); err != nil {
		return Issued{}, err
	}
	// Of 29⁷ human codes a few may be taken.
	for range 5 {
		if i.Human, err = human.New(r.Random); err != nil {
			return Issued{}, fault.Wrap(err, fault.Internal, "")
		}
		var tag pgconn.CommandTag
		tag, err = tx.Exec(ctx, `
			INSERT INTO code (org_id, code_id, kind, target_id, human_code, issued_at, issued_by, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`,
			tx.OrgID(), i.ID, kind, target, i.Human, tx.Now(), null(uuid.UUID(by)), toNull(i.Expires))
		if err != nil {
			return Issued{}, err
		}
		if tag.RowsAffected() == 1 {
			return i, r.showHuman(ctx, tx, i)
		}
	}
	return Issued{}, fault.New(fault.Unavailable, "no free short code was found")
}

// showHuman puts the unit of a new or revoked code into its feed again, for the feed shows the human code.
func (r *Codes) showHuman(ctx context.Context, tx *postgres.Tx, i Issued) error {
	if i.Kind != token.Unit {
		return nil
	}
	u, ok, err := lockUnit(ctx, tx, i.Target)
	if err != nil || !ok {
		return err
	}
	return placeUnit(ctx, tx, u)
}

func (r *Codes) exists(ctx context.Context, tx *postgres.Tx, kind token.Kind, target uuid.UUID) error {
	var ok bool
	var err error
	switch kind {
	case token.Unit:
		_, ok, err = unitByID(ctx, tx, target)
	case token.Entry:
		_, ok, err = r.people.ShopName(ctx, tx, target)
	case token.Ticket:
		_, ok, err = r.tickets.Ticket(ctx, tx, target)
	}
	if err == nil && !ok {
		err = identity.Unseen("target_id")
	}
	return err
}

// Revoke makes a code hold no more from now on. Revoking again changes nothing.
func (r *Codes) Revoke(ctx context.Context, tx *postgres.Tx, id uuid.UUID, reason string, by change.User) error {
	i, ok, err := codeByID(ctx, tx, id)
	if err != nil {
		return err
	}
	if ok && i.Kind == token.Unit { // before its code, as everywhere
		if _, _, err := lockUnit(ctx, tx, i.Target); err != nil {
			return err
		}
	}
	i, ok, err = scanCode(tx.QueryRow(ctx, `SELECT `+codeColumns+` FROM code WHERE org_id = $1 AND code_id = $2
		FOR UPDATE`, tx.OrgID(), id))
	switch {
	case err != nil:
		return err
	case !ok:
		return fault.New(fault.NotFound, "")
	case !i.Revoked.IsZero():
		return nil
	}
	_, err = tx.Exec(ctx, `UPDATE code SET revoked_at = $3, revoked_by = $4, revoke_reason = $5
		WHERE org_id = $1 AND code_id = $2`,
		tx.OrgID(), id, tx.Now(), null(uuid.UUID(by)), reason)
	if err != nil {
		return err
	}
	return r.showHuman(ctx, tx, i)
}

func codeByID(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (Issued, bool, error) {
	return scanCode(tx.QueryRow(ctx, `SELECT `+codeColumns+` FROM code
		WHERE org_id = $1 AND code_id = $2`, tx.OrgID(), id))
}

func codeByHuman(ctx context.Context, tx *postgres.Tx, h human.Code) (Issued, bool, error) {
	return scanCode(tx.QueryRow(ctx, `SELECT `+codeColumns+` FROM code
		WHERE org_id = $1 AND human_code = $2`, tx.OrgID(), h))
}

// blocked tells whether labels of the unit were issued and none of them holds at that time: then its GTIN and serial
// alone, which anybody can copy, do not hold either. A unit without any label of ours is not blocked.
func blocked(ctx context.Context, tx *postgres.Tx, unit uuid.UUID, at time.Time) (bool, error) {
	var is bool
	err := tx.QueryRow(ctx, `
		SELECT count(*) > 0
			AND NOT coalesce(bool_or((revoked_at IS NULL OR revoked_at > $3) AND (expires_at IS NULL OR expires_at > $3)), false)
		FROM code WHERE org_id = $1 AND target_id = $2 AND kind = 1`, tx.OrgID(), unit, at).Scan(&is)
	return is, err
}

// Text is what the code's symbol holds: the Digital Link of a unit that has GTIN and serial, else a signed code.
func (r *Codes) Text(ctx context.Context, tx *postgres.Tx, i Issued) (string, error) {
	if i.Kind == token.Unit {
		u, ok, err := unitByID(ctx, tx, i.Target)
		if err != nil {
			return "", err
		}
		if ok && u.GTIN != "" && u.Serial != "" {
			own, err := host(ctx, tx)
			if err != nil {
				return "", err
			}
			base := "https://" + own
			if own == "" {
				base = r.PublicURL() + "/g/" + token.HandleOf(tx.OrgID()).String()
			}
			return gs1.Link(base, u.GTIN, u.Serial), nil
		}
	}
	text, err := r.sign(i, tx.Now())
	return token.URL(r.PublicURL(), text), err
}

// sign writes the signed text of a code with the key of today. A code printed twice may so have two texts; both
// are the same code, and revoked together.
func (r *Codes) sign(i Issued, now time.Time) (string, error) {
	name, key, err := r.keys.Signer(now)
	if err != nil {
		return "", err
	}
	id, err := token.ParseKeyID(name)
	if err != nil {
		return "", fault.Wrap(err, fault.Internal, "")
	}
	return token.Sign(token.Token{Kind: i.Kind, Key: id, ID: i.ID, Expires: i.Expires}, key), nil
}

// FindCode finds an issued code by its id, its short code or its signed text, also one that holds no more.
func (r *Codes) FindCode(ctx context.Context, tx *postgres.Tx, text string) (Issued, error) {
	var i Issued
	var ok bool
	var err error
	if id, bad := uuid.Parse(text); bad == nil {
		i, ok, err = codeByID(ctx, tx, id)
	} else if h, bad := human.Parse(text); bad == nil {
		i, ok, err = codeByHuman(ctx, tx, h)
	} else if signed, is := token.FromScan(text); is {
		if t, _, bad := token.Parse(signed); bad == nil {
			i, ok, err = codeByID(ctx, tx, t.ID)
		}
	}
	if err == nil && !ok {
		err = fault.New(fault.NotFound, "%.80s", text)
	}
	return i, err
}

// UnitCodes returns a code that holds for each unit that a shop has in stock or sold, in the order of their serials,
// and issues those that are missing; at most so many.
func (r *Codes) UnitCodes(ctx context.Context, tx *postgres.Tx, store uuid.UUID, most int) ([]uuid.UUID, error) {
	rows, err := tx.Query(ctx, `
		SELECT u.unit_id, (SELECT c.code_id FROM code c WHERE c.org_id = u.org_id AND c.target_id = u.unit_id AND c.kind = 1
			AND c.revoked_at IS NULL AND (c.expires_at IS NULL OR c.expires_at > $3) ORDER BY c.issued_at DESC, c.code_id DESC
			LIMIT 1)
		FROM unit u WHERE u.org_id = $1 AND u.store_id = $2 AND u.state IN ('stock', 'sold')
		ORDER BY u.gtin, u.serial, u.unit_id LIMIT $4`, tx.OrgID(), store, tx.Now(), most)
	if err != nil {
		return nil, err
	}
	type pair struct {
		Unit uuid.UUID
		Code *uuid.UUID
	}
	pairs, err := pgx.CollectRows(rows, pgx.RowToStructByPos[pair])
	if err != nil {
		return nil, err
	}
	var out []uuid.UUID
	for _, p := range pairs {
		if p.Code == nil {
			i, err := r.Issue(ctx, tx, token.Unit, p.Unit, 0, change.User{})
			if err != nil {
				return nil, err
			}
			p.Code = &i.ID
		}
		out = append(out, *p.Code)
	}
	return out, nil
}
