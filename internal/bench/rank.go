package main

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	payv1 "github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1"
	"github.com/doorstep-dev/doorstep/server/civil"
	"github.com/doorstep-dev/doorstep/server/money"
	"github.com/doorstep-dev/doorstep/server/rank"
	"github.com/doorstep-dev/doorstep/sync/change"
	syncpg "github.com/doorstep-dev/doorstep/sync/postgres"
)

// rankCalls is how often each side of the rank rows is called.
const rankCalls = 1000

// rank measures a month's board of many payees: what a change costs its technician's transaction, what putting
// the board in order after each one costs the keeper, and what reading a place costs. Scores are multiples of
// ¥0.50, so that many are equal.
func (b *bench) rank(payees int) error {
	now := time.Now().UTC()
	org := uuid.UUID(benchOrg)
	board := rank.Board{
		Org: org, Scope: payv1.BoardScope_BOARD_SCOPE_ORG, ID: org, Period: payv1.BoardPeriod_BOARD_PERIOD_MONTH,
		Starts: civil.DayOf(now, time.UTC).First(),
	}
	if err := b.fillBoard(board, payees); err != nil {
		return err
	}
	boards := rank.New(&syncpg.Store{Pool: b.app, Now: time.Now}, slog.New(slog.DiscardHandler), nobody{})
	var changes, orders, reads []float64
	timed := func(into *[]float64, fn func() error) error {
		start := time.Now()
		err := fn()
		*into = append(*into, float64(time.Since(start).Microseconds())/1000)
		return err
	}
	for range rankCalls {
		var who uuid.UUID
		if err := b.owner.QueryRow(b.ctx, `SELECT md5($1::bigint::text)::uuid`, rand.IntN(payees)).Scan(&who); err != nil {
			return err
		}
		if err := timed(&changes, func() error {
			return boards.Store.Transact(b.ctx, change.Org(org), func(tx *syncpg.Tx) error {
				return boards.Earned(b.ctx, tx, who, now, money.Fen(12000), money.Fen(12000))
			})
		}); err != nil {
			return err
		}
		if err := timed(&orders, func() error {
			_, _, err := boards.Refresh(b.ctx, org, board.Key(), 0)
			return err
		}); err != nil {
			return err
		}
		if err := timed(&reads, func() error {
			return boards.Store.Read(b.ctx, change.Org(org), func(tx *syncpg.Tx) error {
				s, err := rank.Read(b.ctx, tx, board.Key(), who, 10)
				if err == nil && (s.Me.Rank == 0 || s.Of != uint64(payees)) {
					err = fmt.Errorf("place %d of %d", s.Me.Rank, s.Of)
				}
				return err
			})
		}); err != nil {
			return err
		}
	}
	b.report.spread(fmt.Sprintf("rank among %d, a change of one score", payees), "p99 ≤ 10 ms", changes, "ms")
	b.report.spread("rank, the board put in order after it", "", orders, "ms")
	b.report.spread("rank, reading one's place", "p99 ≤ 10 ms", reads, "ms")
	return nil
}

// fillBoard makes a board that was just put in order.
func (b *bench) fillBoard(board rank.Board, payees int) error {
	for _, sql := range []string{
		`INSERT INTO rank_board (org_id, id, scope, scope_id, period, starts, currency, payees, refreshed_at)
			VALUES ($1, $2, 3, $1, 3, date_trunc('month', now()), 'CNY', $3, now())`,
		`INSERT INTO rank_score (org_id, board_id, payee_id, score, pending, ranked)
			SELECT $1, $2, md5(i::text)::uuid, s, 0, s
				FROM (SELECT i, (i * 7919 % 40000) * 50 AS s FROM generate_series(0, $3::bigint - 1) AS i) AS n`,
		`INSERT INTO rank_bucket (org_id, board_id, level, bucket, n)
			SELECT $1, $2, l, ranked >> (8 * l), count(*) FROM rank_score, generate_series(0, 3) AS l
			WHERE org_id = $1 AND board_id = $2 AND $3::bigint > 0 GROUP BY 3, 4`,
	} {
		if _, err := b.owner.Exec(b.ctx, sql, board.Org, board.Key(), payees); err != nil {
			return fmt.Errorf("fill the board: %w", err)
		}
	}
	_, err := b.owner.Exec(b.ctx, `VACUUM ANALYZE rank_score, rank_bucket`)
	return err
}

// nobody are people of whom nothing is known but the time.
type nobody struct{}

func (nobody) Place(context.Context, *syncpg.Tx, uuid.UUID) (rank.Place, error) {
	return rank.Place{}, nil
}

func (nobody) Peers(context.Context, *syncpg.Tx, []uuid.UUID) (map[uuid.UUID]rank.Peer, error) {
	return nil, nil
}

func (nobody) Zone(context.Context, *syncpg.Tx) (*time.Location, error) { return time.UTC, nil }

func (nobody) Companies(context.Context) ([]uuid.UUID, error) { return nil, nil }
