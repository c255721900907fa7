package rank

import (
	"context"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/money"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// BenchmarkLiveRank measures what one change of a score costs a technician (write), what putting the board in
// order costs the keeper (refresh), and what reading a place costs (read), on a month's board of 100,000 payees;
// DOORSTEP_BENCH_PAYEES names another number. Scores are multiples of ¥5, so that many are equal. The database is
// pgtest's, without fsync, so that the figures are those of the statements and not of the disk.
func BenchmarkLiveRank(b *testing.B) {
	n := 100_000
	if s := os.Getenv("DOORSTEP_BENCH_PAYEES"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	h := newHall(b)
	board := h.orgBoard(month)
	payee := func(i int) uuid.UUID { return uuid.NewSHA1(h.org, strconv.AppendInt(nil, int64(i), 10)) }
	h.earn(payee(0), 500, 500)
	fill(h, board, n, payee)
	place := h.standing(board, payee(n/2), 10)
	if place.Of != uint64(n) || place.Me.Rank == 0 {
		b.Fatalf("the board has %d payees, place %d", place.Of, place.Me.Rank)
	}
	var writes, refreshes, reads []time.Duration
	timed := func(into *[]time.Duration, fn func() error) {
		start := time.Now()
		if err := fn(); err != nil {
			b.Fatal(err)
		}
		*into = append(*into, time.Since(start))
	}
	i := 0
	for b.Loop() {
		i++
		who := payee((i * 7919) % n)
		ctx := b.Context()
		timed(&writes, func() error {
			return h.boards.Store.Transact(ctx, change.Org(h.org), func(tx *postgres.Tx) error {
				return h.boards.Earned(ctx, tx, who, h.now, money.Fen(12000), money.Fen(12000))
			})
		})
		timed(&refreshes, func() error {
			_, _, err := h.boards.Refresh(ctx, h.org, board.Key(), 0)
			return err
		})
		timed(&reads, func() error {
			return h.boards.Store.Read(ctx, change.Org(h.org), func(tx *postgres.Tx) error {
				_, err := Read(ctx, tx, board.Key(), who, 10)
				return err
			})
		})
	}
	for name, list := range map[string][]time.Duration{"write": writes, "refresh": refreshes, "read": reads} {
		slices.Sort(list)
		b.ReportMetric(float64(list[len(list)/2].Microseconds())/1000, name+"-p50-ms")
		b.ReportMetric(float64(list[len(list)*99/100].Microseconds())/1000, name+"-p99-ms")
	}
	b.ReportMetric(float64(n), "payees")
}

// fill gives a board n-1 more payees, and puts them in order batch by batch, as the keeper would.
func fill(h *hall, board Board, n int, payee func(int) uuid.UUID) {
	h.t.Helper()
	const part = 50_000
	for from := 1; from < n; from += part {
		ids := make([]uuid.UUID, 0, part)
		scores := make([]int64, 0, part)
		for i := from; i < min(n, from+part); i++ {
			ids, scores = append(ids, payee(i)), append(scores, int64((i*7)%4000)*500)
		}
		h.do(func(ctx context.Context, tx *postgres.Tx) error {
			_, err := tx.Exec(ctx, `WITH s AS (
					INSERT INTO rank_score (org_id, board_id, payee_id, score, pending)
					SELECT $1, $2, p, s, 0 FROM unnest($3::uuid[], $4::bigint[]) AS u(p, s) RETURNING org_id, board_id, payee_id)
				INSERT INTO rank_dirty SELECT * FROM s`, tx.OrgID(), board.Key(), ids, scores)
			return err
		})
		h.refresh(board)
	}
}
