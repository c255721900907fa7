package pay

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/proto"

	payv1 "github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/money"
	"github.com/doorstep-dev/doorstep/server/pay/ledger"
	"github.com/doorstep-dev/doorstep/server/pay/plan"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Adjustment is a correction by finance.
type Adjustment struct {
	// ID is chosen by the caller: the same one again adjusts once.
	ID, Line uuid.UUID
	// Difference is added to the line.
	Difference money.Amount
	Reason     string
	Actor      uuid.UUID
}

// maxAdjustment keeps a slip of the hand from overflowing a sum: 10^11 minor units.
const maxAdjustment = 100_000_000_000

// adjust adds a line that corrects another one. It counts today, and in no tier.
func (r *Earnings) adjust(ctx context.Context, tx *postgres.Tx, a Adjustment) (line, error) {
	found, err := lines(ctx, tx, `WHERE org_id = $1 AND id = $2`, a.Line)
	if err != nil {
		return line{}, err
	}
	if len(found) == 0 {
		return line{}, fault.New(fault.NotFound, "")
	}
	if err := lockTicket(ctx, tx, found[0].TicketID); err != nil {
		return line{}, err
	}
	done, err := lines(ctx, tx, `WHERE org_id = $1 AND source = $2 AND kind = 'correction'`, a.ID)
	if err != nil {
		return line{}, err
	}
	if len(done) > 0 {
		if done[0].Refers == nil || *done[0].Refers != a.Line || done[0].money() != a.Difference {
			return line{}, fault.New(fault.Conflict, "id was used for another adjustment")
		}
		return done[0], nil
	}
	// Read again: the state may have moved on before the lock.
	if found, err = lines(ctx, tx, `WHERE org_id = $1 AND id = $2`, a.Line); err != nil {
		return line{}, err
	}
	old := found[0]
	if d := a.Difference; d.Currency != money.Currency(old.Currency) || d.Zero() || d.Minor > maxAdjustment ||
		d.Minor < -maxAdjustment {
		return line{}, fault.New(fault.InvalidArgument, "difference: an amount in %s other than zero, below a billion",
			old.Currency)
	}
	l, err := follow(old, ledger.Correction, ledger.Correct(old.rule(), a.Difference), "更正：", "Correction: ", a.Reason)
	if err != nil {
		return line{}, err
	}
	l.Source, l.EarnedAt, l.Actor, l.Reason = a.ID, tx.Now(), &a.Actor, a.Reason
	return l, r.bookLines(ctx, tx, []line{l})
}

// follow is a new line that refers to an old one, with a trace that shows it.
func follow(old line, kind ledger.Kind, rule ledger.Line, zh, en, reason string) (line, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return line{}, err
	}
	before := &payv1.TraceNode{}
	if err := proto.Unmarshal(old.Trace, before); err != nil {
		return line{}, err
	}
	before.Label = &typesv1.Label{Zh: "原明细：" + old.TitleZH, En: "the old line: " + old.TitleEN}
	trace, err := wire.Marshal(&payv1.TraceNode{
		Kind: payv1.TraceKind_TRACE_KIND_RESULT, Value: rule.Amount.String(),
		Label: &typesv1.Label{Zh: zh + old.TitleZH, En: en + old.TitleEN},
		Inputs: []*payv1.TraceNode{
			{Kind: payv1.TraceKind_TRACE_KIND_INPUT, Label: &typesv1.Label{Zh: "原因", En: "reason"}, Value: reason},
			before,
		},
	})
	if err != nil {
		return line{}, fmt.Errorf("marshal trace: %w", err)
	}
	l := old
	l.ID, l.Kind, l.Refers, l.Amount, l.State, l.Trace = id, kind, &old.ID, rule.Amount.Minor, rule.State, trace
	l.TitleZH, l.TitleEN, l.Actor, l.Reason = zh+old.TitleZH, en+old.TitleEN, nil, reason
	return l, nil
}

// lockTicket takes the lock that orders all changes of a ticket's lines.
func lockTicket(ctx context.Context, tx *postgres.Tx, ticket uuid.UUID) error {
	_, err := tx.Exec(ctx, `SELECT FROM pay_accrual WHERE org_id = $1 AND ticket_id = $2 ORDER BY source
		FOR UPDATE`, tx.OrgID(), ticket)
	if err != nil {
		return fmt.Errorf("lock ticket's accruals: %w", err)
	}
	return nil
}

// Clawback takes back what a ticket's plan says that a rework takes back. source is the rework: the same one again
// changes nothing, nor does a second rework of the same ticket. Each new line refers to the old one and counts
// now. When the base fee is taken back the ticket leaves its month's tier, and a line for the difference follows,
// so that the month's tier is again what the other tickets earn.
//
// What is taken back and was pending is confirmed together with its clawback: nothing stays pending for a
// ticket that may never be approved.
func (r *Earnings) Clawback(ctx context.Context, tx *postgres.Tx, ticket, source uuid.UUID, reason string) error {
	rows, err := tx.Query(ctx, `
		SELECT source, completed_at, plan, version, counted FROM pay_accrual
		WHERE org_id = $1 AND ticket_id = $2 AND clawed_at IS NULL ORDER BY source FOR UPDATE`, tx.OrgID(), ticket)
	if err != nil {
		return fmt.Errorf("claw back: %w", err)
	}
	accruals, err := pgx.CollectRows(rows, pgx.RowToStructByName[accrual])
	if err != nil || len(accruals) == 0 {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE pay_accrual SET clawed_at = $3
		WHERE org_id = $1 AND ticket_id = $2 AND clawed_at IS NULL`,
		tx.OrgID(), ticket, tx.Now())
	if err != nil {
		return fmt.Errorf("claw back: %w", err)
	}
	// What no version ever priced has no lines, and never will have now.
	accruals = slices.DeleteFunc(accruals, func(a accrual) bool { return a.Plan == nil })
	if len(accruals) == 0 {
		return nil
	}
	versions, err := r.published(ctx, tx)
	if err != nil {
		return err
	}
	all, err := lines(ctx, tx, `WHERE org_id = $1 AND ticket_id = $2 ORDER BY kind, id`, ticket)
	if err != nil {
		return err
	}
	v := versions[*accruals[len(accruals)-1].Version-1]
	if err := lockCounted(ctx, tx, accruals); err != nil {
		return err
	}
	added, leaves, err := r.takeBack(ctx, tx, v, all, source, reason)
	if err != nil {
		return err
	}
	for _, a := range accruals {
		if !leaves {
			break
		}
		tiers, err := r.leaveTier(ctx, tx, versions, a, all, uuid.NewSHA1(source, a.Source[:]), reason)
		if err != nil {
			return err
		}
		added = append(added, tiers...)
	}
	return r.bookLines(ctx, tx, added)
}

type accrual struct {
	Source      uuid.UUID `db:"source"`
	CompletedAt time.Time `db:"completed_at"`
	Plan        *string   `db:"plan"`
	Version     *int32    `db:"version"`
	Counted     []byte    `db:"counted"`
}

// counted is what the ticket added to each payee's measure of its month.
func (a accrual) counted() (map[uuid.UUID]plan.Measure, error) {
	out := map[uuid.UUID]plan.Measure{}
	if err := json.Unmarshal(a.Counted, &out); err != nil {
		return nil, fmt.Errorf("read counted: %w", err)
	}
	return out, nil
}

// lockCounted locks all payees in whose measures these accruals count.
func lockCounted(ctx context.Context, tx *postgres.Tx, accruals []accrual) error {
	var all []uuid.UUID
	for _, a := range accruals {
		counted, err := a.counted()
		if err != nil {
			return err
		}
		all = slices.AppendSeq(all, maps.Keys(counted))
	}
	return LockPayees(ctx, tx, all)
}

// takeBack confirms what is about to be taken back, and returns the lines that take it back: one a payee and
// component, corrections included. leaves tells that the base fee is among them.
func (r *Earnings) takeBack(
	ctx context.Context, tx *postgres.Tx, v *plan.Version, all []line, source uuid.UUID, reason string,
) (added []line, leaves bool, err error) {
	for _, l := range all {
		taken, base := v.ClawsBack(l.Component)
		leaves = leaves || (taken && base)
	}
	var pending []line
	nets := map[netKey]*net{}
	var order []*net
	for _, l := range all {
		taken, _ := v.ClawsBack(l.Component)
		// A tier's line goes with the base fee. Where that stays, the line waits for the approval as before.
		if (taken || (leaves && v.Tier(l.Component))) && l.State == ledger.Pending {
			pending = append(pending, l)
			l.State = ledger.Confirmed
		}
		if !taken {
			continue
		}
		k := netKey{l.PayeeID, l.Component}
		if nets[k] == nil {
			nets[k] = &net{first: l, total: money.New(0, money.Currency(l.Currency))}
			order = append(order, nets[k])
		}
		if nets[k].total, err = nets[k].total.Add(l.money()); err != nil {
			return nil, false, err
		}
	}
	if err := r.moveLines(ctx, tx, ledger.Confirmation, pending); err != nil {
		return nil, false, err
	}
	for _, n := range order {
		if n.total.Zero() {
			continue
		}
		less, err := n.total.Neg()
		if err != nil {
			return nil, false, err
		}
		l, err := follow(n.first, ledger.Clawback, ledger.Correct(n.first.rule(), less), "返工扣回：", "Clawed back: ", reason)
		if err != nil {
			return nil, false, err
		}
		l.Source, l.EarnedAt = source, tx.Now()
		added = append(added, l)
	}
	return added, leaves, nil
}

type netKey struct {
	payee     uuid.UUID
	component string
}

// net is what a component paid a payee for a ticket, corrections included.
type net struct {
	first line
	total money.Amount
}

// leaveTier takes a ticket out of its month's measures and returns the lines by which the tiers change.
func (r *Earnings) leaveTier(
	ctx context.Context, tx *postgres.Tx, versions []*plan.Version, a accrual, all []line, source uuid.UUID, reason string,
) ([]line, error) {
	counted, err := a.counted()
	if err != nil {
		return nil, err
	}
	ids := make([]uuid.UUID, 0, len(counted))
	for id := range counted {
		ids = append(ids, id)
	}
	tier := plan.ChooseTier(versions, a.CompletedAt)
	first := tier.Day(a.CompletedAt).First()
	before, err := measures(ctx, tx, sorted(ids), first)
	if err != nil {
		return nil, err
	}
	after := map[uuid.UUID]plan.Measure{}
	var out []line
	for _, id := range ids {
		was := before[id]
		after[id] = plan.Measure{Tickets: was.Tickets - counted[id].Tickets, BaseFees: was.BaseFees - counted[id].BaseFees}
		growth, err := tier.Growth(id, was, after[id])
		if err != nil {
			return nil, err
		}
		for _, g := range growth {
			l, err := newLine(g)
			if err != nil {
				return nil, err
			}
			old := lineOf(all, id, g.Component)
			l.Kind, l.State, l.Refers, l.Reason = ledger.Clawback, ledger.Confirmed, &old.ID, reason
			l.TicketID, l.TicketNumber, l.Source, l.EarnedAt = old.TicketID, old.TicketNumber, source, tx.Now()
			l.TitleZH, l.TitleEN = "返工扣回："+l.TitleZH, "Clawed back: "+l.TitleEN
			out = append(out, l)
		}
	}
	batch := &pgx.Batch{}
	writeMeasures(batch, tx, first, before, after)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("leave the tier: %w", err)
	}
	return out, nil
}

// lineOf is the payee's line of a component, else the payee's first line, else the ticket's: what a change of the
// tier refers to. A ticket that leaves a tier has lines.
func lineOf(all []line, payee uuid.UUID, component string) line {
	found := all[0]
	for _, l := range all {
		if l.PayeeID == payee && (found.PayeeID != payee || (found.Component != component && l.Component == component)) {
			found = l
		}
	}
	return found
}
