package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/intake"
)

// Parked is an entry of the review queue. Its verdict is the one that the device got.
type Parked struct {
	intake.Record
	Attempts int
	// LastCode and LastDetail say why the last replay failed: as the verdict does while there was none, and empty once
	// one was applied. LastAt is when that replay was; zero while there was none.
	LastCode   fault.Code
	LastDetail fault.Text
	LastAt     time.Time
	ParkedAt   time.Time
	// Resolution is replayed or dismissed, empty while the entry is open.
	Resolution string
	ResolvedAt time.Time
	ResolvedBy change.User
	// Reason is why it was dismissed.
	Reason string
	// WaitsFor is the open entry that is to be decided before this one; zero for none.
	WaitsFor uuid.UUID
}

// Edit is what the office would have a parked mutation say instead.
type Edit struct {
	Args []byte
	By   change.User
	At   time.Time
	// Decided is when the work was done, as in change.Mutation; zero leaves the device's time.
	Decided time.Time
}

// ParkedFilter narrows ListParked down; zero fields do not.
type ParkedFilter struct {
	After, Device, User uuid.UUID
	// IDs are the only ones wanted.
	IDs []uuid.UUID
	// Decided includes entries that are not open any more.
	Decided bool
}

const parkedColumns = `m.device_id, m.seq, m.id, m.user_id, m.kind, m.args, m.device_time, m.outcome, m.code, m.detail,
	m.changes, m.at, m.receipt, m.key_id, m.duplicate, m.clock_ahead_ms, m.corrected_time, p.attempts,
	p.parked_at, coalesce(p.resolution, ''), p.resolved_at, p.resolved_by, p.reason,
	p.last_code, p.last_detail, p.last_at, p.subject, (` + before + `)`

// before is the open entry that p has to wait for: the first of its device on the same subject.
const before = `SELECT w.mutation_id FROM sync_parked w WHERE w.org_id = p.org_id AND w.device_id = p.device_id
	AND w.subject = p.subject
	AND w.seq < p.seq AND w.resolution IS NULL AND p.resolution IS NULL ORDER BY w.seq LIMIT 1`

const parkedWhere = `
	FROM sync_parked p JOIN sync_mutation m ON m.org_id = p.org_id AND m.id = p.mutation_id AND NOT m.duplicate
	WHERE p.org_id = $1 AND p.mutation_id > $2 AND ($3::boolean OR p.resolution IS NULL)
		AND ($4::uuid[] IS NULL OR p.mutation_id = ANY ($4)) AND ($5::uuid = $7::uuid OR m.device_id = $5)
		AND ($6::uuid = $7 OR m.user_id = $6)
	ORDER BY p.mutation_id LIMIT $8`

func (f ParkedFilter) args(t *Tx, limit int) []any {
	return []any{t.org, f.After, f.Decided, f.IDs, f.Device, f.User, uuid.Nil, limit}
}

// ListParked returns entries by mutation id, which is by time. They come whole: ask FindParked first how large they
// are.
func (t *Tx) ListParked(ctx context.Context, f ParkedFilter, limit int) ([]Parked, error) {
	rows, err := t.Query(ctx, `SELECT `+parkedColumns+parkedWhere, f.args(t, limit)...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanParked)
}

// FoundParked is an entry without what it carries: whose it is, and how many bytes it carries with all its edits.
type FoundParked struct {
	ID    uuid.UUID
	User  change.User
	Bytes int
}

// FindParked finds what ListParked returns.
func (t *Tx) FindParked(ctx context.Context, f ParkedFilter, limit int) ([]FoundParked, error) {
	rows, err := t.Query(ctx, `SELECT m.id, m.user_id, octet_length(m.args) + (
			SELECT coalesce(sum(octet_length(e.args)), 0) FROM sync_parked_edit e
				WHERE e.org_id = m.org_id AND e.mutation_id = m.id
		)`+parkedWhere, f.args(t, limit)...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[FoundParked])
}

func scanParked(row pgx.CollectableRow) (Parked, error) {
	var p Parked
	var at, last *time.Time
	var by *change.User
	var subject, waits *uuid.UUID
	r, err := scanRecord(withTail{row, []any{
		&p.Attempts, &p.ParkedAt, &p.Resolution, &at, &by, &p.Reason, &p.LastCode, &p.LastDetail, &last, &subject, &waits,
	}})
	if subject != nil {
		r.Subject = *subject
	}
	if waits != nil {
		p.WaitsFor = *waits
	}
	p.Record = r
	if last != nil {
		p.LastAt = *last
	}
	if at != nil {
		p.ResolvedAt = *at
	}
	if by != nil {
		p.ResolvedBy = *by
	}
	return p, err
}

// withTail scans further columns behind those of a record.
type withTail struct {
	pgx.CollectableRow
	tail []any
}

func (w withTail) Scan(dest ...any) error { return w.CollectableRow.Scan(append(dest, w.tail...)...) }

// Edits returns the edited payloads of parked mutations, oldest first.
func (t *Tx) Edits(ctx context.Context, ids ...uuid.UUID) (map[uuid.UUID][]Edit, error) {
	rows, err := t.Query(ctx, `SELECT mutation_id, args, edited_by, at, decided_at FROM sync_parked_edit
		WHERE org_id = $1 AND mutation_id = ANY ($2) ORDER BY mutation_id, edition`, t.org, ids)
	if err != nil {
		return nil, err
	}
	out := map[uuid.UUID][]Edit{}
	var id uuid.UUID
	var e Edit
	var decided *time.Time
	_, err = pgx.ForEachRow(rows, []any{&id, &e.Args, &e.By, &e.At, &decided}, func() error {
		e.Decided = time.Time{}
		if decided != nil {
			e.Decided = *decided
		}
		out[id] = append(out[id], e)
		e.Args = nil
		return nil
	})
	return out, err
}

// ParkedBy returns whose mutation an entry of the review queue is.
func (t *Tx) ParkedBy(ctx context.Context, id uuid.UUID) (change.User, error) {
	var user change.User
	err := t.QueryRow(ctx, `SELECT m.user_id
		FROM sync_parked p JOIN sync_mutation m ON m.org_id = p.org_id AND m.id = p.mutation_id AND NOT m.duplicate
		WHERE p.org_id = $1 AND p.mutation_id = $2`, t.org, id).Scan(&user)
	if errors.Is(err, pgx.ErrNoRows) {
		err = fault.New(fault.NotFound, "")
	}
	return user, err
}

// EditParked lays edited arguments, a time when the work was done, or both beside an open entry. Without arguments, or
// without a time, the edit goes on with those of the one before. What the device sent stays as it was.
func (t *Tx) EditParked(
	ctx context.Context, id uuid.UUID, args []byte, decided time.Time, by change.User,
) (Edit, error) {
	p, err := t.LockParked(ctx, id)
	if err != nil {
		return Edit{}, err
	}
	return t.edit(ctx, p.Mutation, args, decided, by)
}

// edited is a parked mutation as the newest of its edits has it.
func edited(m change.Mutation, edits []Edit) change.Mutation {
	if n := len(edits); n > 0 {
		m.Args, m.Decided = edits[n-1].Args, edits[n-1].Decided
	}
	return m
}

// maxEditBytes bounds all editions of an entry together: it is listed with all of them.
const maxEditBytes = 2 << 20

func (t *Tx) edit(
	ctx context.Context, m change.Mutation, args []byte, decided time.Time, by change.User,
) (Edit, error) {
	edits, err := t.Edits(ctx, m.ID)
	if err != nil {
		return Edit{}, err
	}
	before, held := edited(m, edits[m.ID]), 0
	for _, e := range edits[m.ID] {
		held += len(e.Args)
	}
	if args == nil {
		args = before.Args
	}
	if decided.IsZero() {
		decided = before.Decided
	}
	e := Edit{Args: args, By: by, At: t.now, Decided: decided}
	if held+len(args) > maxEditBytes {
		return e, fault.New(fault.MutationTooLarge, "%d bytes of edits, at most %d", held+len(args), maxEditBytes)
	}
	_, err = t.Exec(ctx, `INSERT INTO sync_parked_edit (org_id, mutation_id, edition, args, edited_by, at, decided_at)
		SELECT $1, $2, coalesce(max(edition), 0) + 1, $3, $4, $5, $6 FROM sync_parked_edit
			WHERE org_id = $1 AND mutation_id = $2`,
		t.org, m.ID, args, by, e.At, timeOrNull(decided))
	return e, err
}

func timeOrNull(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return &at
}

// ReplayParked runs a parked mutation again for its author, with args if there are any, which are kept as an edit;
// else with the newest edit, else as it came; at the time that the newest edit gives it, else at the device's. The
// entry closes if it is applied or merged now. The verdict that the device got stays as it was. It returns the entry as
// it is then.
func (t *Tx) ReplayParked(
	ctx context.Context, in *intake.Intake[*Tx], id uuid.UUID, args []byte, by change.User,
) (intake.Result, Parked, error) {
	p, err := t.LockParked(ctx, id)
	if err != nil {
		return intake.Result{}, p, err
	}
	if args != nil {
		if _, err := t.edit(ctx, p.Mutation, args, time.Time{}, by); err != nil {
			return intake.Result{}, p, err
		}
	}
	edits, err := t.Edits(ctx, id)
	if err != nil {
		return intake.Result{}, p, err
	}
	p.Mutation = edited(p.Mutation, edits[id])
	result := intake.Park(fault.WaitsForParked, "%s", p.WaitsFor)
	if p.WaitsFor == uuid.Nil {
		if result, err = in.Replay(ctx, t, p.Mutation); err != nil {
			return result, p, err
		}
	}
	p.Attempts++
	p.LastCode, p.LastDetail, p.LastAt = result.Code, result.Detail, t.now
	if result.Outcome == change.Applied || result.Outcome == change.Merged {
		p.Resolution, p.ResolvedAt, p.ResolvedBy = "replayed", t.now, by
	}
	_, err = t.Exec(ctx, `UPDATE sync_parked SET attempts = attempts + 1, last_code = $3, last_detail = $4, last_at = $6,
		resolution = nullif($5, ''), resolved_at = CASE WHEN $5 <> '' THEN $6::timestamptz END,
		resolved_by = CASE WHEN $5 <> '' THEN $7::uuid END
		WHERE org_id = $1 AND mutation_id = $2`,
		t.org, id, string(result.Code), result.Detail, p.Resolution, t.now, by)
	return result, p, err
}

// Next is the open entry that waited for one that was replayed; zero when there is none. Where a person said when the
// first was done, it is laid beside the next in their name, if that is dated ahead, too: the clock was off by as much.
func (t *Tx) Next(ctx context.Context, in *intake.Intake[*Tx], first Parked, by change.User) (id uuid.UUID, err error) {
	if first.Subject == uuid.Nil {
		return uuid.Nil, nil
	}
	err = t.QueryRow(ctx, `SELECT mutation_id FROM sync_parked
		WHERE org_id = $1 AND device_id = $2 AND subject = $3 AND seq > $4 AND resolution IS NULL ORDER BY seq LIMIT 1`,
		t.org, first.Mutation.Device, first.Subject, int64(first.Mutation.Seq)).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return uuid.Nil, nil
	}
	if err != nil {
		return uuid.Nil, err
	}
	p, err := t.LockParked(ctx, id)
	if err != nil {
		return uuid.Nil, err
	}
	edits, err := t.Edits(ctx, id)
	if err != nil {
		return uuid.Nil, err
	}
	at := in.Follow(first.Mutation, edited(p.Mutation, edits[id]))
	if at.IsZero() {
		return id, nil
	}
	_, err = t.edit(ctx, p.Mutation, nil, at, by)
	return id, err
}

// DismissParked closes an entry of the review queue without applying it, and returns it.
func (t *Tx) DismissParked(ctx context.Context, id uuid.UUID, reason string, by change.User) (Parked, error) {
	p, err := t.LockParked(ctx, id)
	if err != nil {
		return p, err
	}
	p.Resolution, p.ResolvedAt, p.ResolvedBy, p.Reason = "dismissed", t.now, by, reason
	_, err = t.Exec(ctx, `UPDATE sync_parked SET resolution = 'dismissed', resolved_at = $3, resolved_by = $4, reason = $5
		WHERE org_id = $1 AND mutation_id = $2`, t.org, id, t.now, by, reason)
	return p, err
}

// Told notes that the author of a decided entry was told by an entity in a feed.
func (t *Tx) Told(ctx context.Context, id uuid.UUID) error {
	_, err := t.Exec(ctx, `UPDATE sync_parked SET told = true WHERE org_id = $1 AND mutation_id = $2`, t.org, id)
	return err
}

// ToldParked is a SELECT of the entries whose authors are told, for Projection.Roots.
const ToldParked = `SELECT mutation_id AS id FROM sync_parked WHERE org_id = $1 AND told`

// LockTold returns those of the entries whose authors are told, and locks them.
func (t *Tx) LockTold(ctx context.Context, ids []uuid.UUID) ([]uuid.UUID, error) {
	rows, err := t.Query(ctx, `SELECT mutation_id FROM sync_parked WHERE org_id = $1 AND mutation_id = ANY ($2) AND told
		ORDER BY mutation_id`+t.RowLock(), t.org, ids)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

// Untell returns up to limit entries whose authors were told before the given time, and notes that they are told
// no longer: the caller takes the entities out of the feeds.
func (t *Tx) Untell(ctx context.Context, before time.Time, limit int) ([]uuid.UUID, error) {
	rows, err := t.Query(ctx, `UPDATE sync_parked SET told = false WHERE org_id = $1 AND mutation_id IN (
			SELECT mutation_id FROM sync_parked WHERE org_id = $1 AND told AND resolved_at < $2
			ORDER BY resolved_at LIMIT $3 FOR UPDATE SKIP LOCKED)
		RETURNING mutation_id`, t.org, before, limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

// LockParked locks an open entry of the review queue and reads it. One that is decided gives AlreadyDecided, and is
// returned, too.
func (t *Tx) LockParked(ctx context.Context, id uuid.UUID) (Parked, error) {
	var open bool
	err := t.QueryRow(ctx, `SELECT resolution IS NULL FROM sync_parked WHERE org_id = $1 AND mutation_id = $2 FOR UPDATE`,
		t.org, id).Scan(&open)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return Parked{}, fault.New(fault.NotFound, "")
	case err != nil:
		return Parked{}, err
	}
	found, err := t.ListParked(ctx, ParkedFilter{IDs: []uuid.UUID{id}, Decided: true}, 1)
	if err == nil && len(found) != 1 {
		err = errors.New("parked mutation without its record")
	}
	if err != nil {
		return Parked{}, err
	}
	if !open {
		err = fault.New(fault.AlreadyDecided, "")
	}
	return found[0], err
}
