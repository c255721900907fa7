package offline

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"github.com/doorstep-dev/doorstep/internal/words"
	accountv1 "github.com/doorstep-dev/doorstep/proto/doorstep/account/v1"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// The keys of meta.
const (
	metaServer  = "server"
	metaDevice  = "device"
	metaEnrol   = "enrolment" // EnrolDeviceResponse without its tokens
	metaTokens  = "tokens"
	metaAttempt = "attempt"     // the word for a refresh token, see attempt
	metaEnded   = "login_ended" // code, when the login has ended
	metaCursor  = "cursor"
	metaAsOf    = "as_of"
	metaOffline = "offline"
	// The early part shows, before the first checkpoint; and how much there will be at that.
	metaEarly = "early"
	metaWhole = "whole"
	// For how many days the server wants acknowledged mutations to be kept; "0" when it did not say.
	metaKeepDays = "keep_days"
	// The store was wiped, and its file may still have the bytes.
	metaScrub = "scrub"
)

// Device is who this device is and how it stands.
type Device struct {
	// Server is its address; empty while the device was never enrolled.
	Server   string
	Org      uuid.UUID
	User     uuid.UUID
	ID       uuid.UUID
	UserName string
	OrgName  string
	// Ended is a code (docs/ERRORS.md) when the login does not hold any more: nothing is sent until the device
	// enrols anew, everything is kept, and capturing goes on.
	Ended string
	// Offline: a person switched sending off.
	Offline bool
	// AsOf is the server's time of the state that shows; zero before the first checkpoint.
	AsOf time.Time
	// Early: what shows is only what is needed first; the first download goes on.
	Early bool
}

// Enrolled tells whether the device belongs to somebody.
func (d Device) Enrolled() bool { return d.ID != uuid.Nil }

// Device returns who this device is.
func (s *Store) Device(ctx context.Context) (Device, error) { return deviceOf(ctx, s.read) }

func deviceOf(ctx context.Context, q queryer) (Device, error) {
	var d Device
	var enrolment accountv1.EnrolDeviceResponse
	err := each(ctx, q, func(scan func(...any) error) error {
		var key string
		var value []byte
		if err := scan(&key, &value); err != nil {
			return err
		}
		switch key {
		case metaServer:
			d.Server = string(value)
		case metaEnrol:
			if err := proto.Unmarshal(value, &enrolment); err != nil {
				return damaged(err)
			}
		case metaEnded:
			d.Ended = string(value)
		case metaOffline:
			d.Offline = len(value) > 0
		case metaEarly:
			d.Early = true
		case metaAsOf:
			if err := d.AsOf.UnmarshalBinary(value); err != nil {
				return damaged(err)
			}
		}
		return nil
	}, `SELECT key, value FROM meta`)
	d.Org, d.User, d.ID = idOf(enrolment.OrgId), idOf(enrolment.UserId), idOf(enrolment.DeviceId)
	d.UserName, d.OrgName = enrolment.UserName, enrolment.OrgName
	return d, err
}

// enrolled takes a new identity. All that is held is renumbered for it and offered again, also what has a verdict: the
// server may have been restored to before the old identity. Ids stay, so that what the server has counts once. Another
// person's store with unsent work is not taken over.
func (s *Store) enrolled(ctx context.Context, server string, e *accountv1.EnrolDeviceResponse) error {
	another := false
	err := s.transact(ctx, func(tx *sql.Tx) error {
		old, err := deviceOf(ctx, tx)
		if err != nil {
			return err
		}
		if another = old.Enrolled() && (old.User != idOf(e.UserId) || old.Org != idOf(e.OrgId)); another {
			if err := refuseUnsent(ctx, tx); err != nil {
				return err
			}
			if err := wipe(ctx, tx); err != nil {
				return err
			}
		}
		if err := renumber(ctx, tx, e.DeviceId); err != nil {
			return err
		}
		tokens, err := proto.Marshal(e.Tokens)
		if err != nil {
			return err
		}
		kept := proto.CloneOf(e)
		kept.Tokens = nil
		identity, err := proto.Marshal(kept)
		if err != nil {
			return err
		}
		for key, value := range map[string][]byte{
			metaServer: []byte(server), metaDevice: e.DeviceId, metaEnrol: identity, metaTokens: tokens, metaEnded: nil,
		} {
			if err := setMeta(ctx, tx, key, value); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if another {
		if err := s.wiped(ctx); err != nil {
			return err
		}
	}
	return s.renewSpare(ctx)
}

// renumber gives all mutations the numbers 1, 2, 3, … of a new device, in the order in which they were done. A verdict
// stays signed for the device that it was given to.
func renumber(ctx context.Context, tx *sql.Tx, device []byte) error {
	_, err := tx.ExecContext(ctx, `UPDATE outbox
		SET judged = CASE WHEN outcome IS NOT NULL THEN coalesce(judged, device) END,
		device = ?, seq = -n, tried = 0, too_old = 0, known = NULL`, device)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE outbox SET seq = r.rank
		FROM (SELECT n, row_number() OVER (ORDER BY n) AS rank FROM outbox) r
		WHERE r.n = outbox.n`)
	return err
}

func (s *Store) tokens(ctx context.Context) (*accountv1.Tokens, error) { return tokensOf(ctx, s.read) }

func tokensOf(ctx context.Context, q queryer) (*accountv1.Tokens, error) {
	b, err := getMeta(ctx, q, metaTokens)
	if err != nil {
		return nil, err
	}
	t := &accountv1.Tokens{}
	if err := proto.Unmarshal(b, t); err != nil {
		return nil, damaged(err)
	}
	return t, nil
}

// attempt gives the word that this device presents a refresh token with (RefreshTokenRequest.attempt): random, on disk
// before it is used, and the same whenever the token is presented again, by this process or another. Before the word
// stands the hash of its token.
func (s *Store) attempt(ctx context.Context, used *accountv1.Tokens) (word []byte, err error) {
	of := sha256.Sum256([]byte(used.GetRefresh()))
	err = s.transact(ctx, func(tx *sql.Tx) error {
		kept, err := getMeta(ctx, tx, metaAttempt)
		if err != nil {
			return err
		}
		if rest, ok := bytes.CutPrefix(kept, of[:]); ok && len(rest) == attemptSize {
			word = rest
			return nil
		}
		word = make([]byte, attemptSize)
		_, _ = rand.Read(word) // never fails
		return setMeta(ctx, tx, metaAttempt, append(of[:], word...))
	})
	return word, err
}

const attemptSize = 16

// renewed puts next in the place of the pair that it was renewed with, and returns what stands there: another one, when
// the device has enrolled anew meanwhile.
func (s *Store) renewed(ctx context.Context, used, next *accountv1.Tokens) (now *accountv1.Tokens, err error) {
	b, err := proto.Marshal(next)
	if err != nil {
		return nil, err
	}
	err = s.transact(ctx, func(tx *sql.Tx) error {
		if now, err = tokensOf(ctx, tx); err != nil || now.GetRefresh() != used.GetRefresh() {
			return err
		}
		now = next
		return setMeta(ctx, tx, metaTokens, b)
	})
	return now, err
}

// endLogin notes that the login with these tokens has ended, if it is still the device's.
func (s *Store) endLogin(ctx context.Context, used *accountv1.Tokens, code fault.Code) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		now, err := tokensOf(ctx, tx)
		if err != nil || now.GetRefresh() != used.GetRefresh() {
			return err
		}
		return setMeta(ctx, tx, metaEnded, []byte(code))
	})
}

// SetOffline moves the switch between offline and online. It is remembered.
func (s *Store) SetOffline(ctx context.Context, offline bool) error {
	var value []byte
	if offline {
		value = []byte{1}
	}
	if err := s.transact(ctx, func(tx *sql.Tx) error { return setMeta(ctx, tx, metaOffline, value) }); err != nil {
		return err
	}
	s.nudge()
	return nil
}

// Logout forgets everything, and refuses with UnsentWork while anything is unsent.
func (s *Store) Logout(ctx context.Context) error {
	err := s.transact(ctx, func(tx *sql.Tx) error {
		if err := refuseUnsent(ctx, tx); err != nil {
			return err
		}
		return wipe(ctx, tx)
	})
	if err != nil {
		return err
	}
	return s.wiped(ctx)
}

func refuseUnsent(ctx context.Context, tx *sql.Tx) error {
	var mutations, files int
	err := tx.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM outbox WHERE known IS NULL),
		(SELECT count(*) FROM file WHERE state IN (?, ?))`, FileWaiting, FileHeld).Scan(&mutations, &files)
	if err == nil && mutations+files > 0 {
		err = fault.New(fault.UnsentWork, "%s",
			fault.Both(fmt.Sprintf("%d 项操作，%d 个文件", mutations, files), words.Count(mutations, "action")+", "+
				words.Count(files, "file")))
	}
	return err
}
