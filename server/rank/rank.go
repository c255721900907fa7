// Package rank keeps the boards on which technicians see their place: by team, region and org; by day, week and
// month. A technician's transaction writes only rows of that technician. A keeper puts what changed in order,
// at most once a second for each board, and pokes the board's topic: a board is state, not a feed.
package rank

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	payv1 "github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1"
	"github.com/doorstep-dev/doorstep/server/civil"
	"github.com/doorstep-dev/doorstep/server/money"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Boards keeps boards. Make it with New.
type Boards struct {
	Store  *postgres.Store
	log    *slog.Logger
	people People
	// changed is called, after the commit, with a board that has something to put in order.
	changed func(Board)
}

// New makes the room of boards on the people who stand on them. A Keeper puts in order what changes.
func New(store *postgres.Store, log *slog.Logger, people People) *Boards {
	return &Boards{Store: store, log: log, people: people, changed: func(Board) {}}
}

// Board names one board.
type Board struct {
	Org    uuid.UUID
	Scope  payv1.BoardScope
	ID     uuid.UUID // the team, region or org
	Period payv1.BoardPeriod
	Starts civil.Day
}

// namespace keeps the ids of boards apart from all other name-based UUIDs.
var namespace = uuid.MustParse("5ab4f1de-6d0c-4f0e-9d53-0c6f2a1b7e10")

// Key is the board's id in storage, the same on every replica.
func (b Board) Key() uuid.UUID {
	return uuid.NewSHA1(namespace, fmt.Appendf(nil, "%d|%s|%d|%s", b.Scope, b.ID, b.Period, b.Starts))
}

// Topic is what a phone watches to hear of changes.
func (b Board) Topic() string { return TopicPrefix + b.Key().String() }

// TopicPrefix begins the topics of all boards.
const TopicPrefix = "board:"

// starts is the first day of the period that a day lies in.
func starts(p payv1.BoardPeriod, d civil.Day) civil.Day {
	switch p {
	case payv1.BoardPeriod_BOARD_PERIOD_WEEK:
		return d.Monday()
	case payv1.BoardPeriod_BOARD_PERIOD_MONTH:
		return d.First()
	}
	return d
}

var periods = []payv1.BoardPeriod{
	payv1.BoardPeriod_BOARD_PERIOD_DAY, payv1.BoardPeriod_BOARD_PERIOD_WEEK, payv1.BoardPeriod_BOARD_PERIOD_MONTH,
}

// boards lists where a change of a day counts.
func boards(org uuid.UUID, p Place, d civil.Day) []Board {
	var out []Board
	for _, period := range periods {
		first := starts(period, d)
		out = append(out, Board{org, payv1.BoardScope_BOARD_SCOPE_ORG, org, period, first})
		if p.Region != uuid.Nil {
			out = append(out, Board{org, payv1.BoardScope_BOARD_SCOPE_REGION, p.Region, period, first})
		}
		for _, t := range p.Teams {
			out = append(out, Board{org, payv1.BoardScope_BOARD_SCOPE_TEAM, t, period, first})
		}
	}
	return out
}

// Earned adds to a payee's scores in the caller's transaction: total is what the payee's income grew by, pending
// how much of its change is not sure. A confirmation has total 0 and a negative pending. at decides the day. Only
// rows of the payee are locked, and that last, in one order for all that a transaction earns; the boards follow within
// a second of the commit.
func (r *Boards) Earned(
	ctx context.Context, tx *postgres.Tx, payee uuid.UUID, at time.Time, total, pending money.Amount,
) error {
	place, err := r.people.Place(ctx, tx, payee)
	if err != nil {
		return err
	}
	zone, err := r.people.Zone(ctx, tx)
	if err != nil {
		return err
	}
	list := boards(tx.OrgID(), place, civil.DayOf(at, zone))
	for _, b := range list {
		tx.Gather("rank",
			earning{b, payee, total.Minor, pending.Minor, string(total.Currency)}, func(ctx context.Context, items []any) error {
				return write(ctx, tx, items)
			})
	}
	tx.AfterCommit(func() {
		for _, b := range list {
			r.changed(b)
		}
	})
	return nil
}

// earning is what a payee's score on a board grows by.
type earning struct {
	board          Board
	payee          uuid.UUID
	total, pending int64
	currency       string
}

// write adds up earnings and writes them: boards by their ids, scores by board and payee.
func write(ctx context.Context, tx *postgres.Tx, items []any) error {
	type key struct{ board, payee uuid.UUID }
	sums := map[key]earning{}
	for _, item := range items {
		e := item.(earning)
		k := key{e.board.Key(), e.payee}
		if sum, ok := sums[k]; ok {
			e.total, e.pending = e.total+sum.total, e.pending+sum.pending
		}
		sums[k] = e
	}
	var boards, payees, scopeIDs []uuid.UUID
	var scopes, periods []int16
	var days, currencies []string
	var totals, pendings []int64
	for k, e := range sums {
		boards, payees, scopeIDs = append(boards, k.board), append(payees, k.payee), append(scopeIDs, e.board.ID)
		scopes, periods = append(scopes, int16(e.board.Scope)), append(periods, int16(e.board.Period))
		days, currencies = append(days, e.board.Starts.String()), append(currencies, e.currency)
		totals, pendings = append(totals, e.total), append(pendings, e.pending)
	}
	batch := &pgx.Batch{}
	// The board's row is only made here, never updated: it is no lock among technicians.
	batch.Queue(`
		INSERT INTO rank_board (org_id, id, scope, scope_id, period, starts, currency)
		SELECT $1, b.id, min(b.scope), min(b.scope_id::text)::uuid, min(b.period), min(b.starts)::date, min(b.currency)
		FROM unnest($2::uuid[], $3::smallint[], $4::uuid[], $5::smallint[], $6::text[], $7::text[]) AS b(id, scope, scope_id,
			period, starts, currency)
		WHERE NOT EXISTS (SELECT FROM rank_board o WHERE o.org_id = $1 AND o.id = b.id)
		GROUP BY b.id ORDER BY b.id
		ON CONFLICT DO NOTHING`, tx.OrgID(), boards, scopes, scopeIDs, periods, days, currencies)
	batch.Queue(`
		INSERT INTO rank_score AS s (org_id, board_id, payee_id, score, pending)
		SELECT $1, e.board_id, e.payee_id, e.total, e.pending
		FROM unnest($2::uuid[], $3::uuid[], $4::bigint[], $5::bigint[]) AS e(board_id, payee_id, total, pending)
		ORDER BY board_id, payee_id
		ON CONFLICT (org_id, board_id, payee_id) DO UPDATE
		SET score = s.score + excluded.score, pending = s.pending + excluded.pending`,
		tx.OrgID(), boards, payees, totals, pendings)
	// After the scores, whose locks are held now: a refresh that passes them over leaves their marks.
	batch.Queue(`
		INSERT INTO rank_dirty (org_id, board_id, payee_id)
		SELECT $1, e.board_id, e.payee_id FROM unnest($2::uuid[], $3::uuid[]) AS e(board_id, payee_id)
			ORDER BY board_id, payee_id
		ON CONFLICT DO NOTHING`, tx.OrgID(), boards, payees)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("add to scores: %w", err)
	}
	return nil
}
