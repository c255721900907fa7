package account

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// sessionKept is how long what the database says of a session is believed. A revocation on this replica counts
// at once, on the others after this time at most; a live stream is told at once everywhere, see Revoke.
const sessionKept = time.Second

// session is what the database says of one device or console session.
type session struct {
	grants  []identity.Grant
	revoked bool // the device may only hand in evidence
	ended   bool // nothing at all
	at      time.Time
}

type sessionKey struct{ org, family uuid.UUID }

// fresh tells whether the session is still believed.
func (s session) fresh(now time.Time) bool {
	return now.Sub(s.at) < sessionKept && !now.Before(s.at)
}

// Authenticate implements rpc.Authenticator: the bearer token says who, the database what they may.
func (r *Accounts) Authenticate(ctx context.Context, h http.Header) (identity.Identity, bool, error) {
	text := h.Get("Authorization")
	if text == "" {
		return identity.Identity{}, false, nil
	}
	token, ok := strings.CutPrefix(text, "Bearer ")
	if !ok {
		return identity.Identity{}, false, fault.New(fault.Unauthenticated, "")
	}
	now := r.Now()
	b, until, err := VerifyAccess(r.Keys, token, now)
	if err != nil {
		return identity.Identity{}, false, err
	}
	key := sessionKey{b.Org, b.Family}
	s, ok := r.sessions.get(key)
	if !ok || !s.fresh(now) {
		if s, err = r.session(ctx, b); err != nil {
			return identity.Identity{}, false, err
		}
		s.at = now
		r.sessions.put(key, s)
	}
	if s.ended {
		return identity.Identity{}, false, fault.New(fault.RefreshInvalid, "")
	}
	i := identity.Identity{Org: b.Org, User: b.User, Revoked: s.revoked, Until: until}.Holding(s.grants...)
	if b.Device {
		i.Device = b.Family
	}
	return i, true, nil
}

// Revoked tells whether a device lost its access, asked of the database: live streams ask after they were told
// that something changed.
func (r *Accounts) Revoked(ctx context.Context, who identity.Identity) (bool, error) {
	if who.Revoked || who.Device == uuid.Nil {
		return who.Revoked, nil
	}
	s, err := r.session(ctx, Bearer{Org: who.Org, User: who.User, Family: who.Device, Device: true})
	return s.revoked || s.ended, err
}

// MayRead gives those of the devices that may read, as of the transaction's snapshot: what Revoked asks, for many.
func (r *Accounts) MayRead(
	ctx context.Context, tx *postgres.Tx, devices []change.Device,
) (map[change.Device]bool, error) {
	ids := make([]uuid.UUID, len(devices))
	for i, d := range devices {
		ids[i] = uuid.UUID(d)
	}
	rows, err := tx.Query(ctx, `SELECT f.id FROM token_family f
		JOIN app_user u ON u.org_id = f.org_id AND u.id = f.user_id
		LEFT JOIN device d ON d.org_id = f.org_id AND d.id = f.id
		WHERE f.org_id = $1 AND f.id = ANY ($2) AND NOT u.disabled AND d.revoked_at IS NULL`, tx.OrgID(), ids)
	if err != nil {
		return nil, err
	}
	may := make(map[change.Device]bool, len(devices))
	var d uuid.UUID
	_, err = pgx.ForEachRow(rows, []any{&d}, func() error {
		may[change.Device(d)] = true
		return nil
	})
	return may, err
}

func (r *Accounts) session(ctx context.Context, b Bearer) (session, error) {
	var s session
	err := r.read(ctx, b.Org, func(tx *postgres.Tx) error {
		var disabled, ended, revoked bool
		err := tx.QueryRow(ctx, `SELECT u.disabled, f.ended_at IS NOT NULL, d.revoked_at IS NOT NULL
			FROM token_family f
			JOIN app_user u ON u.org_id = f.org_id AND u.id = f.user_id
			LEFT JOIN device d ON d.org_id = f.org_id AND d.id = f.id
			WHERE f.org_id = $1 AND f.id = $2 AND f.user_id = $3`, b.Org, b.Family, b.User).Scan(&disabled, &ended, &revoked)
		if errors.Is(err, pgx.ErrNoRows) {
			s.ended = true
			return nil
		}
		if err != nil {
			return err
		}
		// A person who left: their phone may still hand in what they did, their console session ends.
		s.revoked = b.Device && (revoked || disabled)
		s.ended = !b.Device && (ended || disabled)
		if s.revoked || s.ended {
			return nil
		}
		s.grants, err = grantsOf(ctx, tx, b.User)
		return err
	})
	return s, err
}

func grantsOf(ctx context.Context, tx *postgres.Tx, user uuid.UUID) ([]identity.Grant, error) {
	rows, err := tx.Query(ctx, `SELECT role, scope, scope_id FROM role_grant WHERE org_id = $1 AND user_id = $2
		ORDER BY role, scope, scope_id`, tx.OrgID(), user)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (g identity.Grant, err error) {
		err = row.Scan(&g.Role, &g.Scope, &g.ID)
		return g, err
	})
}
