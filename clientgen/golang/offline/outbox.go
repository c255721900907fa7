package offline

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"strconv"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// MaxArgs is the greatest size of a mutation's arguments in bytes; the server rejects more.
const MaxArgs = 512 << 10

// Do writes a mutation to disk, with the files that belong to it, and returns when it is safe there. It shows in
// the next Read. It works without a network and with an expired login, but not before the device was enrolled.
func (s *Store) Do(ctx context.Context, kind string, args []byte, files ...Kept) (Mutation, error) {
	if len(args) > MaxArgs {
		return Mutation{}, fault.New(fault.MutationTooLarge, "%d bytes", len(args))
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Mutation{}, err
	}
	m := Mutation{ID: id, Kind: kind, Args: args, DeviceTime: s.Now().UTC().Truncate(time.Microsecond)}
	err = s.transact(ctx, func(tx *sql.Tx) error {
		if m.Seq, err = s.append(ctx, tx, m); err != nil {
			return err
		}
		for _, f := range files {
			if err := addFile(ctx, tx, m, f); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Mutation{}, err
	}
	s.addSpare(ctx, m.ID)
	for _, f := range files {
		s.fresh.forget(f.ID.String()) // a row names it now
	}
	s.nudge()
	return m, nil
}

// append gives the mutation the device's next number.
func (s *Store) append(ctx context.Context, tx *sql.Tx, m Mutation) (seq uint64, err error) {
	device, err := getMeta(ctx, tx, metaDevice)
	if err != nil {
		return 0, err
	}
	if len(device) == 0 {
		return 0, fault.New(fault.NotEnrolled, "")
	}
	if err := tx.QueryRowContext(ctx, `SELECT coalesce(max(seq), 0) + 1 FROM outbox
		WHERE device = ?`, device).Scan(&seq); err != nil {
		return 0, err
	}
	if err := insertWork(ctx, tx, device, seq, m); err != nil {
		return 0, err
	}
	var n int64
	err = tx.QueryRowContext(ctx, `SELECT last_insert_rowid()`).Scan(&n)
	s.lastOwn.Store(n)
	return seq, err
}

func insertWork(ctx context.Context, tx *sql.Tx, device []byte, seq uint64, m Mutation) error {
	args := m.Args
	if args == nil {
		args = []byte{}
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO outbox (device, seq, id, kind, args, at, sum) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		device, int64(seq), m.ID[:], m.Kind, args, m.DeviceTime.UnixMicro(), sumOf(m))
	return err
}

// sumOf is the checksum of what was done: the database notices damage to its structure by itself, but not to the words
// in it.
func sumOf(m Mutation) int64 {
	b := append(m.ID[:], m.Kind...)
	b = append(append(b, 0), m.Args...)
	return int64(crc32.Checksum(binary.BigEndian.AppendUint64(b, uint64(m.DeviceTime.UnixMicro())), castagnoli))
}

// Actions returns what was done on this device, oldest first, as long as the store keeps it.
func (s *Store) Actions(ctx context.Context) ([]Action, error) {
	return actions(ctx, s.read, `ORDER BY n`)
}

// Waiting returns the mutations that the server is not known to have, oldest first: those without a verdict, and those
// that it gave one for and may have forgotten since then, because its database was restored or because the device
// enrolled anew.
func (s *Store) Waiting(ctx context.Context) ([]Action, error) {
	return actions(ctx, s.read, `WHERE known IS NULL ORDER BY n`)
}

// Attention returns what the server rejected or parked and nobody has marked as seen, oldest first.
func (s *Store) Attention(ctx context.Context) ([]Action, error) {
	return actions(ctx, s.read, `WHERE outcome IN (3, 4) AND seen = 0 ORDER BY n`)
}

// MarkSeen notes that a person has seen what became of the mutation. It stays in Actions.
func (s *Store) MarkSeen(ctx context.Context, id uuid.UUID) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE outbox SET seen = 1 WHERE id = ? AND outcome IS NOT NULL`, id[:])
		return err
	})
}

// Action returns one mutation by its id.
func (s *Store) Action(ctx context.Context, id uuid.UUID) (Action, error) {
	found, err := actions(ctx, s.read, `WHERE id = ?`, id[:])
	if err == nil && len(found) == 0 {
		err = fault.New(fault.NotFound, "")
	}
	if err != nil {
		return Action{}, err
	}
	return found[0], nil
}

func actions(ctx context.Context, q queryer, where string, args ...any) (out []Action, err error) {
	err = eachAction(ctx, q, func(a Action) error { out = append(out, a); return nil }, where, args...)
	return out, err
}

func eachAction(ctx context.Context, q queryer, fn func(Action) error, where string, args ...any) error {
	return each(ctx, q, func(scan func(...any) error) error {
		var a Action
		var device, judged, id, verdict []byte
		var at int64
		var sum sql.NullInt64 // NULL for what an older app wrote
		if err := scan(&device, &judged, &a.Seq, &id, &a.Kind, &a.Args, &at, &a.Tried, &verdict, &a.Waits, &a.Covered,
			&a.Seen, &sum); err != nil {
			return err
		}
		a.Device, a.JudgedAs, a.ID, a.DeviceTime = idOf(device), idOf(judged), idOf(id), time.UnixMicro(at).UTC()
		if verdict != nil {
			a.Verdict = &syncv1.Verdict{}
			if err := proto.Unmarshal(verdict, a.Verdict); err != nil {
				return damaged(err)
			}
		}
		if sum.Valid && sum.Int64 != sumOf(a.Mutation) {
			return damaged(errors.New("the words of an action are not those that were saved"))
		}
		return fn(a)
	}, `SELECT device, coalesce(judged, device), seq, id, kind, args, at, tried, verdict, known IS NULL, covered, seen, sum
		FROM outbox `+where, args...)
}

// waits tells whether there is a mutation to send that the server has not refused as too old.
func (s *Store) waits(ctx context.Context) (waits bool, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM outbox
		WHERE known IS NULL AND too_old = 0)`).Scan(&waits)
	return waits, err
}

// Unsent counts what only this device has.
func (s *Store) Unsent(ctx context.Context) (Unsent, error) {
	var u Unsent
	err := s.read.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM outbox WHERE known IS NULL),
		count(*), coalesce(sum(size), 0) FROM file WHERE state IN (?, ?)`, FileWaiting, FileHeld).
		Scan(&u.Mutations, &u.Files, &u.Bytes)
	return u, err
}

// batch returns the next mutations to send, from the first that waits; at most count and about size bytes. It marks
// them as tried.
func (s *Store) batch(ctx context.Context, count, size int) (out *syncv1.PushRequest, err error) {
	err = s.transact(ctx, func(tx *sql.Tx) error {
		out = &syncv1.PushRequest{}
		device, err := getMeta(ctx, tx, metaDevice)
		if err != nil {
			return err
		}
		var from uint64
		err = tx.QueryRowContext(ctx, `SELECT coalesce(min(seq), 0), coalesce(min(CASE WHEN known IS NULL THEN seq END), 0)
			FROM outbox WHERE device = ?`, device).Scan(&out.HeldFrom, &from)
		if err != nil || from == 0 {
			return err
		}
		found, err := actions(ctx, tx, `WHERE device = ? AND seq >= ? ORDER BY seq LIMIT ?`, device, from, count)
		if err != nil {
			return err
		}
		for i, a := range found {
			if size -= len(a.Args) + 64; i > 0 && size < 0 {
				break
			}
			out.Mutations = append(out.Mutations, &syncv1.Mutation{
				Sequence: a.Seq, Id: a.ID[:], Kind: a.Kind, Args: a.Args, DeviceTime: timestamppb.New(a.DeviceTime),
			})
		}
		if len(out.Mutations) == 0 {
			return nil
		}
		out.DeviceTime = timestamppb.New(s.Now())
		_, err = tx.ExecContext(ctx, `UPDATE outbox SET tried = 1, too_old = 0
			WHERE device = ? AND seq BETWEEN ? AND ? AND (tried = 0 OR too_old = 1)`,
			device, from, out.Mutations[len(out.Mutations)-1].Sequence)
		return err
	})
	return out, err
}

// refusedAsOld notes that the server knows nothing of the next mutation to send, nor of any behind it, and takes none
// in these words.
func (s *Store) refusedAsOld(ctx context.Context, first uint64) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		device, err := getMeta(ctx, tx, metaDevice)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE outbox SET too_old = 1
			WHERE device = ? AND seq >= ? AND known IS NULL`, device, int64(first))
		return err
	})
}

// Reword says a mutation that waits in new words, under the same number and id: a newer app does so for a kind that the
// server takes from no app any more. It is refused with SequenceReused unless the last that the server said of it is
// ClientTooOld: one whose answer was lost may have been taken in as it was, also by another device that imported it. A
// verdict from before the server's database was restored goes with the old words: the new ones get their own.
func (s *Store) Reword(ctx context.Context, id uuid.UUID, kind string, args []byte) error {
	if len(args) > MaxArgs {
		return fault.New(fault.MutationTooLarge, "%d bytes", len(args))
	}
	if args == nil {
		args = []byte{}
	}
	err := s.transact(ctx, func(tx *sql.Tx) error {
		var at int64
		if err := tx.QueryRowContext(ctx, `SELECT at FROM outbox
			WHERE id = ?`, id[:]).Scan(&at); errors.Is(err, sql.ErrNoRows) {
			return fault.New(fault.SequenceReused, "")
		} else if err != nil {
			return err
		}
		sum := sumOf(Mutation{ID: id, Kind: kind, Args: args, DeviceTime: time.UnixMicro(at)})
		r, err := tx.ExecContext(ctx, `UPDATE outbox
			SET kind = ?, args = ?, sum = ?, too_old = 0, outcome = NULL, verdict = NULL, judged = NULL, covered = 0, seen = 0
			WHERE id = ? AND known IS NULL AND too_old = 1`, kind, args, sum, id[:])
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return fault.Wrap(err, fault.SequenceReused, "")
		}
		return reopenFiles(ctx, tx, id[:]) // whoever forgot the old words knows nothing of their files
	})
	if err == nil {
		s.addSpare(ctx, id)
		s.nudge()
	}
	return err
}

// take keeps verdicts. The first verdict of a mutation stays, the newest says since when the server has it; one for
// another id is an error of the server.
func (s *Store) take(ctx context.Context, res *syncv1.PushResponse) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		device, err := getMeta(ctx, tx, metaDevice)
		if err != nil {
			return err
		}
		if err := setMeta(ctx, tx, metaKeepDays, []byte(strconv.FormatUint(uint64(res.KeepDays), 10))); err != nil {
			return err
		}
		for _, v := range res.Verdicts {
			if err := takeOne(ctx, tx, device, v); err != nil {
				return err
			}
		}
		return nil
	})
}

func takeOne(ctx context.Context, tx *sql.Tx, device []byte, v *syncv1.Verdict) error {
	b, err := proto.Marshal(v)
	if err != nil {
		return err
	}
	if v.Outcome == syncv1.Outcome_OUTCOME_UNSPECIFIED {
		return fault.New(fault.Internal, "verdict without an outcome")
	}
	first, err := actions(ctx, tx, `WHERE device = ? AND seq = ? AND id = ?`, device, int64(v.Sequence), v.Id)
	if err != nil || len(first) != 1 {
		return fault.Wrap(err, fault.SequenceReused, "sequence %d", v.Sequence)
	}
	_, err = tx.ExecContext(ctx, `UPDATE outbox SET outcome = coalesce(outcome, ?), verdict = coalesce(verdict, ?),
		known = ? WHERE id = ?`,
		v.Outcome, b, v.ServerTime.AsTime().UnixMicro(), v.Id)
	if err != nil || first[0].Verdict == nil || first[0].Verdict.ServerTime.AsTime().Equal(v.ServerTime.AsTime()) {
		return err
	}
	return reopenFiles(ctx, tx, v.Id)
}
