package account

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Tokens is what lets a device or a console session in.
type Tokens struct {
	Access  string
	Expires time.Time
	Refresh string
}

// enrolRetry is how long a code that was used goes on giving the same device its first tokens, as long as they
// were not used: the answer may have been lost on the way.
const enrolRetry = 10 * time.Minute

// EvidenceLife is how long a revoked device may still hand in what it has not sent.
const EvidenceLife = 90 * 24 * time.Hour

// Enrolment is a device that was let in.
type Enrolment struct {
	Org    Org
	User   uuid.UUID
	Name   string
	Device uuid.UUID
	Tokens Tokens
}

// NewCode makes a one-time code for the user's next device.
func (r *Accounts) NewCode(ctx context.Context, org, user uuid.UUID) (code string, expires time.Time, err error) {
	return r.newCode(ctx, org, user, nil)
}

// newCode makes a code if allowed, asked in the same transaction, agrees. The user's row is locked meanwhile: the code
// is of the rights that the user has then, and ends when they change (see endCodes).
func (r *Accounts) newCode(
	ctx context.Context, org, user uuid.UUID, allowed func(*postgres.Tx) error,
) (code string, expires time.Time, err error) {
	err = r.transact(ctx, org, func(tx *postgres.Tx) error {
		var disabled bool
		err := tx.QueryRow(ctx, `SELECT disabled FROM app_user
			WHERE org_id = $1 AND id = $2 FOR SHARE`, org, user).Scan(&disabled)
		if allowed != nil {
			// Who may not see the user is told the same, whether there is one or not.
			if err := allowed(tx); err != nil {
				return err
			}
		}
		if errors.Is(err, pgx.ErrNoRows) {
			return fault.New(fault.NotFound, "user")
		}
		if err != nil {
			return err
		}
		if disabled {
			return fault.New(fault.Conflict, "this user is disabled")
		}
		code = NewEnrolmentCode()
		normal, _ := NormalEnrolmentCode(code)
		expires = tx.Now().Add(EnrolmentLife).Truncate(time.Second)
		_, err = tx.Exec(ctx, `INSERT INTO enrolment_code (code_hash, org_id, user_id, created_at, expires_at)
			VALUES ($1, $2, $3, $4, $5)`,
			hashEnrolmentCode(r.Secret, normal), org, user, tx.Now(), expires)
		if err != nil {
			return err
		}
		// Codes long past are of no use to anybody.
		if _, err = tx.Exec(ctx, `DELETE FROM enrolment_code
			WHERE org_id = $1 AND expires_at < $2`, org, tx.Now().Add(-30*24*time.Hour)); err != nil {
			return err
		}
		return r.note(ctx, tx, "enrolment_code.created", user, nil)
	})
	return code, expires, err
}

// Enrol trades a code for a device and its tokens.
func (r *Accounts) Enrol(ctx context.Context, typed, deviceName, appVersion string) (Enrolment, error) {
	normal, ok := NormalEnrolmentCode(typed)
	if !ok {
		return Enrolment{}, fault.New(fault.EnrolmentInvalid, "")
	}
	hash := hashEnrolmentCode(r.Secret, normal)
	var org *uuid.UUID
	if err := r.Store.Pool.QueryRow(ctx, `SELECT org_of_enrolment_code($1)`, hash).Scan(&org); err != nil {
		return Enrolment{}, err
	}
	if org == nil {
		return Enrolment{}, fault.New(fault.EnrolmentInvalid, "")
	}
	var e Enrolment
	var err error
	if e.Org, err = r.OrgByID(ctx, *org); err != nil {
		return Enrolment{}, err
	}
	err = r.transact(ctx, e.Org.ID, func(tx *postgres.Tx) error {
		return r.enrol(ctx, tx, hash, deviceName, appVersion, &e)
	})
	return e, err
}

func (r *Accounts) enrol(
	ctx context.Context, tx *postgres.Tx, hash []byte, deviceName, appVersion string, e *Enrolment,
) error {
	var expires time.Time
	var used *time.Time
	var device *uuid.UUID
	var disabled bool
	err := tx.QueryRow(ctx, `SELECT user_id, expires_at, used_at, device_id FROM enrolment_code WHERE code_hash = $1
		FOR UPDATE`, hash).
		Scan(&e.User, &expires, &used, &device)
	if err != nil {
		return err
	}
	if err := tx.QueryRow(ctx, `SELECT name_zh, disabled FROM app_user WHERE org_id = $1 AND id = $2`, tx.OrgID(), e.User).
		Scan(&e.Name, &disabled); err != nil {
		return err
	}
	if disabled {
		return fault.New(fault.EnrolmentInvalid, "")
	}
	if used != nil {
		return r.enrolAgain(ctx, tx, *used, *device, deviceName, e)
	}
	if !expires.After(tx.Now()) {
		return fault.New(fault.EnrolmentInvalid, "")
	}
	if e.Device, err = newID(); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO device (org_id, id, user_id, name, app_version, enrolled_at)
		VALUES ($1, $2, $3, $4, $5, $6)`,
		tx.OrgID(), e.Device, e.User, deviceName, appVersion, tx.Now()); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE enrolment_code SET used_at = $2, device_id = $3
		WHERE code_hash = $1`, hash, tx.Now(), e.Device); err != nil {
		return err
	}
	if e.Tokens, err = r.beginFamily(ctx, tx, e.Device, e.User, true); err != nil {
		return err
	}
	return r.note(ctx, tx, "device.enrolled", e.Device, map[string]string{"user": e.User.String(), "name": deviceName})
}

// enrolAgain gives a phone whose first answer was lost the same answer again.
func (r *Accounts) enrolAgain(
	ctx context.Context, tx *postgres.Tx, used time.Time, device uuid.UUID, deviceName string, e *Enrolment,
) error {
	line, revoked, err := lockFamily(ctx, tx, device)
	if err != nil {
		return err
	}
	var name string
	if err := tx.QueryRow(ctx, `SELECT name FROM device
		WHERE org_id = $1 AND id = $2`, tx.OrgID(), device).Scan(&name); err != nil {
		return err
	}
	if line.Generation > 0 || revoked || name != deviceName || tx.Now().Sub(used) > enrolRetry {
		return fault.New(fault.EnrolmentInvalid, "")
	}
	e.Device = device
	e.Tokens, err = r.tokens(tx, line, Bearer{Org: tx.OrgID(), User: e.User, Family: device, Device: true})
	return err
}

// LogIn lets a person of the office in by password. Whatever is wrong, the answer and its time are the same. from is
// the caller's address; see signInBackoff for how often it may be wrong.
func (r *Accounts) LogIn(ctx context.Context, slug, login, password string, from netip.Addr) (Tokens, error) {
	refused := fault.New(LoginFailed, "")
	var user uuid.UUID
	var phc string
	org, err := r.OrgBySlug(ctx, slug)
	known, knownAddress := err == nil, false
	if err != nil && fault.CodeOf(err) != fault.NotFound {
		return Tokens{}, err
	}
	if known {
		err = r.read(ctx, org.ID, func(tx *postgres.Tx) error {
			err := tx.QueryRow(ctx, `SELECT u.id, u.password, a.address IS NOT NULL FROM app_user u
				LEFT JOIN sign_in_address a ON a.org_id = u.org_id AND a.user_id = u.id AND a.address = $3 AND a.last_at > $4
				WHERE u.org_id = $1 AND u.login = $2 AND NOT u.disabled`,
				org.ID, normalLogin(login), r.addressKey(from), r.Now().Add(-addressKnown)).Scan(&user, &phc, &knownAddress)
			if errors.Is(err, pgx.ErrNoRows) {
				return nil
			}
			return err
		})
		if err != nil {
			return Tokens{}, err
		}
	}
	tries, err := r.trySignIn(ctx, org.ID, slug, login, from, knownAddress)
	if err != nil {
		return Tokens{}, err
	}
	ok, stale, err := CheckPassword(ctx, password, phc)
	if err != nil {
		return Tokens{}, err
	}
	if !ok {
		return Tokens{}, refused
	}
	var t Tokens
	err = r.transact(ctx, org.ID, func(tx *postgres.Tx) error {
		family, err := newID()
		if err != nil {
			return err
		}
		if stale {
			if err := r.setPassword(ctx, tx, user, password); err != nil {
				return err
			}
		}
		if err := r.signedIn(ctx, tx, user, tries, from); err != nil {
			return err
		}
		if t, err = r.beginFamily(ctx, tx, family, user, false); err != nil {
			return err
		}
		return r.note(ctx, tx, "console.signed_in", user, nil)
	})
	return t, err
}

func normalLogin(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// Refresh trades a refresh token for the next pair, see refresh.go. a is what the holder presents it with.
func (r *Accounts) Refresh(ctx context.Context, text string, a Attempt) (Tokens, error) {
	token, err := ParseRefresh(r.Secret, text)
	if err != nil {
		return Tokens{}, err
	}
	var t Tokens
	reused := false
	err = r.transact(ctx, token.Org, func(tx *postgres.Tx) error {
		reused = false
		line, ended, err := lockFamily(ctx, tx, token.Family)
		if err != nil {
			return err
		}
		var b Bearer
		b, err = r.mayRefresh(ctx, tx, token, line, ended)
		if err != nil {
			return err
		}
		next, dead := line.Present(token, a, NewSalt(), tx.Now())
		if dead {
			restored, err := tx.Restored(ctx)
			if err != nil {
				return err
			}
			switch {
			case line.Lost(token, restored):
				r.Log.InfoContext(ctx, "a phone continues from before the database was restored", "family", token.Family)
				next, dead = Continue(token, a, NewSalt(), tx.Now()), false
			case line.Undeclared(token, restored):
				r.Log.WarnContext(ctx, "a token is newer than the database: if it was restored, run doorstep admin restored",
					"family", token.Family)
				return fault.New(fault.RefreshInvalid, "")
			}
		}
		if dead {
			// What is written here must stay, so the refusal is said after the commit.
			reused = true
			return r.endFamily(ctx, tx, b, "a refresh token was used twice")
		}
		if err := saveLine(ctx, tx, token.Family, next); err != nil {
			return err
		}
		t, err = r.tokens(tx, next, b)
		return err
	})
	if err == nil && reused {
		return Tokens{}, fault.New(fault.RefreshInvalid, "")
	}
	return t, err
}

// mayRefresh checks what does not depend on the token's place in its line. A revoked device goes on for a
// while: with what it gets it can only hand in evidence.
func (r *Accounts) mayRefresh(
	ctx context.Context, tx *postgres.Tx, token Refresh, line Line, ended bool,
) (Bearer, error) {
	b := Bearer{Org: token.Org, Family: token.Family}
	var disabled bool
	var revoked *time.Time
	err := tx.QueryRow(ctx, `SELECT f.user_id, f.is_device, u.disabled, d.revoked_at
		FROM token_family f JOIN app_user u ON u.org_id = f.org_id AND u.id = f.user_id
		LEFT JOIN device d ON d.org_id = f.org_id AND d.id = f.id
		WHERE f.org_id = $1 AND f.id = $2`, tx.OrgID(), token.Family).Scan(&b.User, &b.Device, &disabled, &revoked)
	if err != nil {
		return b, err
	}
	gone := !b.Device && (ended || disabled) ||
		revoked != nil && tx.Now().Sub(*revoked) > EvidenceLife ||
		tx.Now().Sub(line.PresentedAt) > RefreshLife
	if gone {
		return b, fault.New(fault.RefreshInvalid, "")
	}
	return b, nil
}

// endFamily ends a session, and revokes the device if it is one's.
func (r *Accounts) endFamily(ctx context.Context, tx *postgres.Tx, b Bearer, why string) error {
	if b.Device {
		return r.revoke(ctx, tx, b.Family, b.User, why)
	}
	_, err := tx.Exec(ctx, `UPDATE token_family SET ended_at = $3
		WHERE org_id = $1 AND id = $2 AND ended_at IS NULL`, tx.OrgID(), b.Family, tx.Now())
	tx.AfterCommit(r.sessions.forget)
	if err != nil {
		return err
	}
	return r.note(ctx, tx, "console.ended", b.User, map[string]string{"why": why})
}

func (r *Accounts) beginFamily(
	ctx context.Context, tx *postgres.Tx, family, user uuid.UUID, device bool,
) (Tokens, error) {
	line := BeginLine(NewSalt(), tx.Now())
	_, err := tx.Exec(ctx, `INSERT INTO token_family (org_id, id, user_id, is_device, generation, salt, next_salt,
		presented_at)
		VALUES ($1, $2, $3, $4, 0, $5, $6, $7)`, tx.OrgID(), family, user, device, line.Salt[:], line.Next[:],
		line.PresentedAt)
	if err != nil {
		return Tokens{}, err
	}
	return r.tokens(tx, line, Bearer{Org: tx.OrgID(), User: user, Family: family, Device: device})
}

func (r *Accounts) tokens(tx *postgres.Tx, line Line, b Bearer) (Tokens, error) {
	access, expires, err := SignAccess(r.Keys, b, tx.Now())
	return Tokens{Access: access, Expires: expires, Refresh: line.Successor(b.Org, b.Family).String(r.Secret)}, err
}

// lockFamily reads a family's line and holds it until the transaction ends. A family that is not there is
// RefreshInvalid: its org was taken away, or the database went back in time.
func lockFamily(ctx context.Context, tx *postgres.Tx, family uuid.UUID) (l Line, ended bool, err error) {
	var salt, next, attempt []byte
	var generation, attemptOf int64
	err = tx.QueryRow(ctx, `SELECT generation, salt, next_salt, presented_at, ended_at IS NOT NULL, attempt, attempt_of
		FROM token_family
		WHERE org_id = $1 AND id = $2
			FOR UPDATE`, tx.OrgID(), family).Scan(&generation, &salt, &next, &l.PresentedAt, &ended, &attempt, &attemptOf)
	if errors.Is(err, pgx.ErrNoRows) {
		return l, false, fault.New(fault.RefreshInvalid, "")
	}
	if err != nil {
		return l, false, err
	}
	l.Generation, l.Salt, l.Next = uint32(generation), Salt(salt), Salt(next)
	l.Words = attemptOf > 0
	if attemptOf == generation {
		copy(l.Attempt[:], attempt)
	}
	return l, ended, nil
}

func saveLine(ctx context.Context, tx *postgres.Tx, family uuid.UUID, l Line) error {
	attempt, attemptOf := []byte{}, int64(0)
	if l.Attempt != (Attempt{}) {
		attempt, attemptOf = l.Attempt[:], int64(l.Generation)
	}
	_, err := tx.Exec(ctx, `UPDATE token_family SET generation = $3, salt = $4, next_salt = $5, presented_at = $6,
		attempt = $7, attempt_of = $8
		WHERE org_id = $1 AND id = $2`, tx.OrgID(), family, int64(l.Generation), l.Salt[:], l.Next[:], l.PresentedAt,
		attempt, attemptOf)
	return err
}

// revoke takes a device out of service: its streams end at once, its pulls are refused with the word to wipe,
// its pushes are kept as evidence.
func (r *Accounts) revoke(ctx context.Context, tx *postgres.Tx, device, user uuid.UUID, why string) error {
	tag, err := tx.Exec(ctx, `UPDATE device SET revoked_at = $3, revoked_for = $4
		WHERE org_id = $1 AND id = $2 AND revoked_at IS NULL`,
		tx.OrgID(), device, tx.Now(), why)
	if err != nil || tag.RowsAffected() == 0 {
		return err
	}
	tx.AfterCommit(func() {
		r.sessions.forget()
		// Also where a backup does not lose it: who restores one has to do it again.
		r.Log.InfoContext(ctx, "a device is revoked", "org", tx.OrgID(), "device", device, "user", user, "why", why)
	})
	// Streams of this user look again whether they may go on, on every replica.
	tx.Poke(postgres.SubscriptionTopic(change.User(user)))
	return r.note(ctx, tx, "device.revoked", device, map[string]string{"user": user.String(), "why": why})
}
