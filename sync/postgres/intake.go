package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/intake"
)

// Open implements intake.Tx: one round trip once the device exists.
func (t *Tx) Open(
	ctx context.Context, d change.Device, from, to uint64, ids []uuid.UUID,
) (last uint64, fresh bool, known []intake.Record, held intake.Held, err error) {
	last, fresh, known, held, err = t.open(ctx, d, from, to, ids)
	if !errors.Is(err, pgx.ErrNoRows) {
		return last, fresh, known, held, err
	}
	_, err = t.Exec(ctx, `
		INSERT INTO sync_device (org_id, device_id, generation)
		SELECT $1, $2, `+firstGeneration+` FROM sync_generation ON CONFLICT DO NOTHING`, t.org, d)
	if err != nil {
		return 0, false, nil, nil, err
	}
	return t.open(ctx, d, from, to, ids)
}

// firstGeneration is that of a device that was never heard of: none of this database if that continues from a backup,
// which may have forgotten the device.
const firstGeneration = `CASE WHEN restored THEN decode('0000000000000000', 'hex') ELSE generation END`

func (t *Tx) open(
	ctx context.Context, d change.Device, from, to uint64, ids []uuid.UUID,
) (last uint64, fresh bool, known []intake.Record, held intake.Held, err error) {
	batch := &pgx.Batch{}
	batch.Queue(`
		SELECT d.last_seq, d.generation <> g.generation
		FROM sync_device d CROSS JOIN sync_generation g
		WHERE d.org_id = $1 AND d.device_id = $2 FOR UPDATE OF d`, t.org, d)
	// A statement of its own, so that it sees what was committed before the lock was given.
	batch.Queue(findRecords, t.org, d, int64(from), int64(to), ids)
	batch.Queue(`SELECT subject, mutation_id FROM sync_parked
		WHERE org_id = $1 AND device_id = $2 AND subject IS NOT NULL AND resolution IS NULL ORDER BY seq DESC`, t.org, d)
	results := t.SendBatch(ctx, batch)
	defer func() { err = errors.Join(err, results.Close()) }()
	if err := results.QueryRow().Scan(&last, &fresh); err != nil {
		return 0, false, nil, nil, err
	}
	rows, err := results.Query()
	if err != nil {
		return 0, false, nil, nil, err
	}
	if known, err = pgx.CollectRows(rows, scanRecord); err != nil {
		return 0, false, nil, nil, err
	}
	if rows, err = results.Query(); err != nil {
		return 0, false, nil, nil, err
	}
	var subject, first uuid.UUID
	_, err = pgx.ForEachRow(rows, []any{&subject, &first}, func() error {
		if held == nil {
			held = intake.Held{}
		}
		held[subject] = first // the last one that is written is the first in order
		return nil
	})
	return last, fresh, known, held, err
}

const recordColumns = `device_id, seq, id, user_id, kind, args, device_time,
	outcome, code, detail, changes, at, receipt, key_id, duplicate, clock_ahead_ms, corrected_time`

const findRecords = `
	SELECT ` + recordColumns + ` FROM sync_mutation
	WHERE org_id = $1 AND device_id = $2 AND seq BETWEEN $3 AND $4
	UNION ALL
	SELECT ` + recordColumns + ` FROM sync_mutation
	WHERE org_id = $1 AND id = ANY ($5) AND NOT duplicate AND NOT (device_id = $2 AND seq BETWEEN $3 AND $4)`

func scanRecord(row pgx.CollectableRow) (intake.Record, error) {
	var r intake.Record
	m, v := &r.Mutation, &r.Verdict
	var changes []byte
	var ahead *int64
	var corrected *time.Time
	err := row.Scan(&m.Device, &m.Seq, &m.ID, &m.User, &m.Kind, &m.Args, &m.DeviceTime,
		&v.Outcome, &v.Code, &v.Detail, &changes, &v.At, &v.Receipt, &v.Key, &r.Duplicate, &ahead, &corrected)
	if ahead != nil {
		m.Ahead, m.Clocked = time.Duration(*ahead)*time.Millisecond, true
	}
	if corrected != nil {
		m.Corrected = *corrected
	}
	if err == nil && changes != nil {
		err = json.Unmarshal(changes, &v.Changes)
	}
	v.Seq, v.ID = m.Seq, m.ID
	return r, err
}

// Kept implements intake.Tx. Sizes are read without the bytes. A mutation that came twice was stored twice.
func (t *Tx) Kept(ctx context.Context, d change.Device, evidence bool) (k intake.Kept, err error) {
	which := `m.outcome = 4`
	if evidence {
		which = `(m.outcome = 4 OR m.duplicate OR m.code IN ('mutation_too_large', 'mutation_id_reused'))`
	}
	err = t.QueryRow(ctx, `
		SELECT count(*), coalesce(sum(octet_length(m.args)), 0)
		FROM sync_mutation m LEFT JOIN sync_parked p ON p.org_id = m.org_id AND p.mutation_id = m.id
		WHERE m.org_id = $1 AND m.device_id = $2 AND `+which+` AND (p.resolution IS NULL OR m.duplicate)`, t.org, d).
		Scan(&k.Count, &k.Bytes)
	return k, err
}

// Save implements intake.Tx. What it writes travels with the next statements, at the latest with the commit's.
func (t *Tx) Save(_ context.Context, d change.Device, last uint64, records []intake.Record) error {
	t.later.Queue(`
		UPDATE sync_device SET last_seq = $3, seen_at = $4, generation = (SELECT generation FROM sync_generation)
		WHERE org_id = $1 AND device_id = $2`, t.org, d, int64(last), t.now)
	for _, r := range records {
		m, v := r.Mutation, r.Verdict
		var changes []byte
		if len(v.Changes) > 0 {
			var err error
			if changes, err = json.Marshal(v.Changes); err != nil {
				return err
			}
		}
		var ahead *int64
		if m.Clocked {
			ms := m.Ahead.Milliseconds()
			ahead = &ms
		}
		args := m.Args
		if args == nil {
			args = []byte{}
		}
		t.later.Queue(`INSERT INTO sync_mutation (org_id, `+recordColumns+`)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`,
			t.org, d, int64(m.Seq), m.ID, m.User, m.Kind, args, m.DeviceTime,
			v.Outcome, string(v.Code), v.Detail, changes, v.At, v.Receipt, v.Key, r.Duplicate, ahead, timeOrNull(m.Corrected))
		if v.Outcome == change.Parked && !r.Duplicate {
			t.later.Queue(`INSERT INTO sync_parked (org_id, mutation_id, parked_at, last_code, last_detail, device_id, seq,
				subject)
				VALUES ($1, $2, $3, $4, $5, $6, $7, nullif($8, $9::uuid))`, t.org, m.ID, v.At, string(v.Code), v.Detail, d,
				int64(m.Seq), r.Subject, uuid.Nil)
		}
	}
	return nil
}
