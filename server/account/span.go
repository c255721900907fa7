package account

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// A right is judged by the device's time of what was done, and devices' clocks differ from the office's: who did
// something this long before the right began, or after it ended, still had it.
const spanLeeway = 5 * time.Minute

// member is the role under which a technician's membership of a team is kept among the spans.
const member = "member"

// keepSpans opens and ends the spans of a user's rights, so that they agree with what was just written.
func keepSpans(ctx context.Context, tx *postgres.Tx, user uuid.UUID) error {
	const current = `(SELECT role, scope, scope_id FROM role_grant g
		JOIN app_user u ON u.org_id = g.org_id AND u.id = g.user_id AND NOT u.disabled
			WHERE g.org_id = $1 AND g.user_id = $2
		UNION ALL SELECT 'member', 'team', m.team_id FROM team_member m
		JOIN app_user u ON u.org_id = m.org_id AND u.id = m.user_id AND NOT u.disabled
			WHERE m.org_id = $1 AND m.user_id = $2) AS c`
	if _, err := tx.Exec(ctx, `UPDATE right_span s SET until = $3 WHERE org_id = $1 AND user_id = $2 AND until IS NULL
		AND NOT EXISTS (SELECT 1 FROM `+current+` WHERE c.role = s.role AND c.scope = s.scope AND c.scope_id = s.scope_id)`,
		tx.OrgID(), user, tx.Now()); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `INSERT INTO right_span (org_id, user_id, role, scope, scope_id, since)
		SELECT $1, $2, c.role, c.scope, c.scope_id, $3 FROM `+current+`
		WHERE NOT EXISTS (SELECT 1 FROM right_span s WHERE s.org_id = $1 AND s.user_id = $2 AND s.until IS NULL
			AND s.role = c.role AND s.scope = c.scope AND s.scope_id = c.scope_id)
		ON CONFLICT (org_id, user_id, role, scope, scope_id, since) DO UPDATE SET until = NULL`, tx.OrgID(), user, tx.Now())
	return err
}

// Held tells whether the user had the role over exactly this team or shop (or over the org or themselves, with a
// zero id) at that time.
func (r *Accounts) Held(
	ctx context.Context, tx *postgres.Tx, user uuid.UUID, role identity.Role, place uuid.UUID, at time.Time,
) (bool, error) {
	return held(ctx, tx, user, string(role), place, at)
}

// MemberAt tells whether the technician belonged to the team at that time.
func (r *Accounts) MemberAt(ctx context.Context, tx *postgres.Tx, user, team uuid.UUID, at time.Time) (bool, error) {
	return held(ctx, tx, user, member, team, at)
}

func held(
	ctx context.Context, tx *postgres.Tx, user uuid.UUID, role string, place uuid.UUID, at time.Time,
) (bool, error) {
	var ok bool
	err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM right_span WHERE org_id = $1 AND user_id = $2 AND role = $3
		AND scope_id = $4
		AND since <= $5 AND (until IS NULL OR until >= $6))`,
		tx.OrgID(), user, role, place, at.Add(spanLeeway), at.Add(-spanLeeway)).Scan(&ok)
	return ok, err
}
