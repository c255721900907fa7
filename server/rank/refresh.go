package rank

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	payv1 "github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

const (
	// levels of buckets; the widest is unbounded.
	levels = 4
	// refreshBatch bounds how long the scores of payees are locked by one refresh.
	refreshBatch = 2000
)

// Refresh puts what changed on a board in order and pokes its topic. It does nothing when the board was put in
// order within the last interval by any replica, and tells how long to wait then; more tells that something is
// left to do. Scores that a technician's transaction holds at this moment are left for the next time.
func (r *Boards) Refresh(
	ctx context.Context, org, board uuid.UUID, interval time.Duration,
) (wait time.Duration, more bool, err error) {
	err = r.Store.Transact(ctx, change.Org(org), func(tx *postgres.Tx) error {
		wait, more = 0, false
		// By the database's clock: those of the replicas may differ by more than the interval.
		var rested *float64
		err := tx.QueryRow(ctx, `
			SELECT extract(epoch FROM clock_timestamp() - refreshed_at)::float8 FROM rank_board
			WHERE org_id = $1 AND id = $2 FOR UPDATE SKIP LOCKED`, tx.OrgID(), board).Scan(&rested)
		if errors.Is(err, pgx.ErrNoRows) { // another replica is at it, or the board is gone
			wait = interval
			return nil
		}
		if err != nil {
			return err
		}
		if rested != nil {
			// A clock that was set back gives a negative rest: nobody waits for that.
			if d := time.Duration(*rested * float64(time.Second)); d >= 0 && d < interval {
				wait = interval - d
				return nil
			}
		}
		changed, err := r.order(ctx, tx, board)
		if err != nil {
			return err
		}
		more = changed == refreshBatch
		if changed > 0 {
			tx.Poke(TopicPrefix + board.String())
		}
		return nil
	})
	return wait, more, err
}

// order moves changed payees from their old buckets to their new ones, in one statement. It takes the mark off a
// score only when it holds the score's lock, and a technician's transaction sets the mark only when it does: so
// no change is missed. Rows are found by arrays and not by joins, which could read the whole board.
func (r *Boards) order(ctx context.Context, tx *postgres.Tx, board uuid.UUID) (int, error) {
	var changed, arrived int
	err := tx.QueryRow(ctx, `
		WITH old AS (
			SELECT payee_id, ranked, score FROM rank_score
			WHERE org_id = $1 AND board_id = $2 AND payee_id = ANY (ARRAY(
				SELECT payee_id FROM rank_dirty WHERE org_id = $1 AND board_id = $2 LIMIT $3))
			FOR UPDATE SKIP LOCKED
		), marks AS (
			DELETE FROM rank_dirty WHERE org_id = $1 AND board_id = $2 AND payee_id = ANY (ARRAY(SELECT payee_id FROM old))
		), moved AS (
			UPDATE rank_score SET ranked = score, ranked_pending = pending
			WHERE org_id = $1 AND board_id = $2 AND payee_id = ANY (ARRAY(SELECT payee_id FROM old))
		), steps AS (
			SELECT ranked AS score, -1 AS n FROM old WHERE ranked IS NOT NULL AND ranked <> score
			UNION ALL
			SELECT score, 1 FROM old WHERE ranked IS DISTINCT FROM score
		), counted AS (
			INSERT INTO rank_bucket AS b (org_id, board_id, level, bucket, n)
			SELECT $1, $2, l, score >> (8 * l), sum(n) FROM steps, generate_series(0, $4 - 1) AS l
			GROUP BY l, score >> (8 * l) HAVING sum(n) <> 0
			ON CONFLICT (org_id, board_id, level, bucket) DO UPDATE SET n = b.n + excluded.n
		)
		SELECT count(*), count(*) FILTER (WHERE ranked IS NULL) FROM old`,
		tx.OrgID(), board, refreshBatch, levels).Scan(&changed, &arrived)
	if err != nil {
		return 0, fmt.Errorf("put the board in order: %w", err)
	}
	_, err = tx.Exec(ctx, `UPDATE rank_board SET payees = payees + $3, refreshed_at = clock_timestamp()
		WHERE org_id = $1 AND id = $2`,
		tx.OrgID(), board, arrived)
	return changed, err
}

// Boards are kept this many days after they began; the ledger keeps what was earned for good.
const (
	keepDays   = 60
	keepMonths = 400
	// forgetBatch bounds the boards that one transaction deletes.
	forgetBatch = 10
)

// forget deletes some of the boards whose time is over.
func (r *Boards) forget(ctx context.Context, org uuid.UUID) error {
	return r.Store.Transact(ctx, change.Org(org), func(tx *postgres.Tx) error {
		rows, err := tx.Query(ctx, `
			SELECT id FROM rank_board
			WHERE org_id = $1 AND starts < $2::date - CASE WHEN period = $3 THEN $4::integer ELSE $5::integer END
			LIMIT $6 FOR UPDATE SKIP LOCKED`,
			tx.OrgID(), tx.Now().Format(time.DateOnly), int16(payv1.BoardPeriod_BOARD_PERIOD_MONTH), keepMonths,
			keepDays, forgetBatch)
		if err != nil {
			return err
		}
		old, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		if err != nil || len(old) == 0 {
			return err
		}
		batch := &pgx.Batch{}
		// Work that is handed in late may still count on such a board.
		batch.Queue(`SELECT FROM rank_score WHERE org_id = $1 AND board_id = ANY ($2::uuid[]) ORDER BY board_id, payee_id
			FOR UPDATE`,
			tx.OrgID(), old)
		for _, table := range []string{"rank_score", "rank_dirty", "rank_bucket"} {
			batch.Queue(`DELETE FROM `+table+` WHERE org_id = $1 AND board_id = ANY ($2::uuid[])`, tx.OrgID(), old)
		}
		batch.Queue(`DELETE FROM rank_board WHERE org_id = $1 AND id = ANY ($2::uuid[])`, tx.OrgID(), old)
		return tx.SendBatch(ctx, batch).Close()
	})
}

// ranks returns the places of scores: one more than the number of payees with a higher score, so that equal
// scores share a place. It reads at most 255 buckets a level and score.
func ranks(ctx context.Context, tx *postgres.Tx, board uuid.UUID, scores []int64) (map[int64]uint64, error) {
	out := make(map[int64]uint64, len(scores))
	rows, err := tx.Query(ctx, `
		SELECT s.score, 1 + (
			SELECT coalesce(sum(above.n), 0)::bigint FROM generate_series(0, $4 - 1) AS l, LATERAL (
				SELECT sum(b.n) AS n FROM rank_bucket b
				WHERE b.org_id = $1 AND b.board_id = $2 AND b.level = l::smallint
				  AND b.bucket > (s.score >> (8 * l))
				  AND b.bucket < CASE WHEN l = $4 - 1 THEN 9223372036854775807 ELSE ((s.score >> (8 * (l + 1))) + 1) << 8 END
			) AS above)
		FROM unnest($3::bigint[]) AS s(score)`, tx.OrgID(), board, scores, levels)
	if err != nil {
		return nil, err
	}
	var score int64
	var rank uint64
	_, err = pgx.ForEachRow(rows, []any{&score, &rank}, func() error {
		out[score] = rank
		return nil
	})
	return out, err
}
