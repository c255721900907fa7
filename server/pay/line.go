package pay

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	payv1 "github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/money"
	"github.com/doorstep-dev/doorstep/server/pay/ledger"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// line is an earning line as it stands in the ledger.
type line struct {
	ID           uuid.UUID    `db:"id"`
	Kind         ledger.Kind  `db:"kind"`
	Source       uuid.UUID    `db:"source"`
	Component    string       `db:"component"`
	PayeeID      uuid.UUID    `db:"payee_id"`
	TicketID     uuid.UUID    `db:"ticket_id"`
	TicketNumber string       `db:"ticket_number"`
	Refers       *uuid.UUID   `db:"refers"`
	Category     int32        `db:"category"`
	Amount       int64        `db:"amount"`
	Currency     string       `db:"currency"`
	EarnedAt     time.Time    `db:"earned_at"`
	PlanVersion  string       `db:"plan_version"`
	TitleZH      string       `db:"title_zh"`
	TitleEN      string       `db:"title_en"`
	Trace        []byte       `db:"trace"`
	State        ledger.State `db:"state"`
	Actor        *uuid.UUID   `db:"actor"`
	Reason       string       `db:"reason"`
}

const lineColumns = `SELECT id, kind, source, component, payee_id, ticket_id, ticket_number, refers, category, amount,
	currency,
	earned_at, plan_version, title_zh, title_en, trace, state, actor, reason FROM pay_line `

// lines reads lines; where stands behind the columns and begins with the org as $1.
func lines(ctx context.Context, tx *postgres.Tx, where string, args ...any) ([]line, error) {
	rows, err := tx.Query(ctx, lineColumns+where, append([]any{tx.OrgID()}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("read lines: %w", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByName[line])
	if err != nil {
		return nil, fmt.Errorf("read lines: %w", err)
	}
	return out, nil
}

func (l line) money() money.Amount { return money.New(l.Amount, money.Currency(l.Currency)) }

func (l line) rule() ledger.Line {
	return ledger.Line{Payee: l.PayeeID, Category: payv1.EarningCategory(l.Category), Amount: l.money(), State: l.State}
}

// message is the line as the phone keeps it.
func (l line) message() (*payv1.EarningLine, error) {
	trace := &payv1.TraceNode{}
	if err := proto.Unmarshal(l.Trace, trace); err != nil {
		return nil, fmt.Errorf("trace of line %s: %w", l.ID, err)
	}
	m := &payv1.EarningLine{
		Id: l.ID[:], TicketId: l.TicketID[:], TicketNumber: l.TicketNumber, Category: payv1.EarningCategory(l.Category),
		Amount: wireMoney(l.money()), Title: &typesv1.Label{Zh: l.TitleZH, En: l.TitleEN},
		EarnedAt: timestamppb.New(l.EarnedAt), Trace: trace, PlanVersion: l.PlanVersion,
	}
	switch l.State {
	case ledger.Pending:
		m.State = payv1.EarningState_EARNING_STATE_PENDING
	case ledger.Confirmed:
		m.State = payv1.EarningState_EARNING_STATE_CONFIRMED
	case ledger.Settled:
		m.State = payv1.EarningState_EARNING_STATE_PAID
	}
	if l.Refers != nil {
		m.Corrects = l.Refers[:]
	}
	return m, nil
}

func wireMoney(a money.Amount) *typesv1.Money {
	return &typesv1.Money{Minor: a.Minor, Currency: string(a.Currency)}
}
