package rank

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/server/money"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// neighbours is how many rows are shown on either side of the caller.
const neighbours = 2

// Row is one place on a board.
type Row struct {
	Payee   uuid.UUID
	Rank    uint64
	Score   int64
	Pending int64
}

// Standing is a board as one payee sees it, as of the board's last refresh.
type Standing struct {
	// Me is zero when the payee is not on the board.
	Me       Row
	Of       uint64
	Currency money.Currency
	// ToNext is what is missing to the place above; absent at the top.
	ToNext *money.Amount
	Top    []Row
	Around []Row
	AsOf   time.Time
}

// Read returns a payee's standing; a board that nobody is on yet is empty. Its cost does not depend on the number
// of payees.
func Read(ctx context.Context, tx *postgres.Tx, board, payee uuid.UUID, top int) (Standing, error) {
	var s Standing
	var asOf *time.Time
	var score, pending *int64
	err := tx.QueryRow(ctx, `
		SELECT b.payees, b.currency, b.refreshed_at, s.ranked, s.ranked_pending
		FROM rank_board b LEFT JOIN rank_score s ON s.org_id = b.org_id AND s.board_id = b.id AND s.payee_id = $3
			AND s.ranked IS NOT NULL
		WHERE b.org_id = $1 AND b.id = $2`, tx.OrgID(), board, payee).Scan(&s.Of, &s.Currency, &asOf, &score, &pending)
	if errors.Is(err, pgx.ErrNoRows) || (err == nil && asOf == nil) {
		return Standing{}, nil
	}
	if err != nil {
		return Standing{}, fmt.Errorf("read board: %w", err)
	}
	s.AsOf = *asOf
	if err := s.rows(ctx, tx, board, payee, score, top); err != nil {
		return Standing{}, fmt.Errorf("read board's rows: %w", err)
	}
	if err := s.rank(ctx, tx, board); err != nil {
		return Standing{}, fmt.Errorf("read ranks: %w", err)
	}
	if score == nil {
		return s, nil
	}
	for _, r := range s.Around {
		if r.Payee == payee {
			s.Me = r
		}
	}
	return s, s.distance(ctx, tx, board)
}

// rows reads the top and the neighbours. Equal scores stand in the order of their ids.
func (s *Standing) rows(ctx context.Context, tx *postgres.Tx, board, payee uuid.UUID, score *int64, top int) error {
	const columns = `SELECT payee_id, ranked, ranked_pending FROM rank_score
		WHERE org_id = $1 AND board_id = $2 AND ranked IS NOT NULL `
	read := func(into *[]Row) func(pgx.Rows) error {
		return func(rows pgx.Rows) error {
			var r Row
			_, err := pgx.ForEachRow(rows, []any{&r.Payee, &r.Score, &r.Pending}, func() error {
				*into = append(*into, r)
				return nil
			})
			return err
		}
	}
	var above, below []Row
	batch := &pgx.Batch{}
	batch.Queue(columns+`ORDER BY ranked DESC, payee_id LIMIT $3`, tx.OrgID(), board, top).Query(read(&s.Top))
	if score != nil {
		// Split by equal and greater score, so that each half is one range of the index.
		batch.Queue(`SELECT * FROM (
				(`+columns+`AND ranked = $3 AND payee_id < $4 ORDER BY payee_id DESC LIMIT $5)
				UNION ALL
				(`+columns+`AND ranked > $3 ORDER BY ranked, payee_id DESC LIMIT $5)
			) a ORDER BY ranked, payee_id DESC LIMIT $5`, tx.OrgID(), board, *score, payee, neighbours).Query(read(&above))
		batch.Queue(`SELECT * FROM (
				(`+columns+`AND ranked = $3 AND payee_id >= $4 ORDER BY payee_id LIMIT $5)
				UNION ALL
				(`+columns+`AND ranked < $3 ORDER BY ranked DESC, payee_id LIMIT $5)
			) b ORDER BY ranked DESC, payee_id LIMIT $5`, tx.OrgID(), board, *score, payee, neighbours+1).Query(read(&below))
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return err
	}
	for i := len(above) - 1; i >= 0; i-- {
		s.Around = append(s.Around, above[i])
	}
	s.Around = append(s.Around, below...)
	return nil
}

// rank fills in the places. Those of the top follow from their order; only neighbours are counted.
func (s *Standing) rank(ctx context.Context, tx *postgres.Tx, board uuid.UUID) error {
	for i := range s.Top {
		s.Top[i].Rank = uint64(i) + 1
		if i > 0 && s.Top[i].Score == s.Top[i-1].Score {
			s.Top[i].Rank = s.Top[i-1].Rank
		}
	}
	var scores []int64
	for i, r := range s.Around {
		if i == 0 || r.Score != s.Around[i-1].Score {
			scores = append(scores, r.Score)
		}
	}
	if len(scores) == 0 {
		return nil
	}
	places, err := ranks(ctx, tx, board, scores)
	if err != nil {
		return err
	}
	for i := range s.Around {
		s.Around[i].Rank = places[s.Around[i].Score]
	}
	return nil
}

// distance is to the nearest higher score.
func (s *Standing) distance(ctx context.Context, tx *postgres.Tx, board uuid.UUID) error {
	if s.Me.Rank <= 1 {
		return nil
	}
	var next int64
	err := tx.QueryRow(ctx, `
		SELECT ranked FROM rank_score WHERE org_id = $1 AND board_id = $2 AND ranked IS NOT NULL AND ranked > $3
		ORDER BY ranked LIMIT 1`, tx.OrgID(), board, s.Me.Score).Scan(&next)
	if err != nil {
		return fmt.Errorf("read distance: %w", err)
	}
	d, err := money.New(next, s.Currency).Sub(money.New(s.Me.Score, s.Currency))
	if err != nil {
		return err
	}
	s.ToNext = &d
	return nil
}
