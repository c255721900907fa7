// Package ledger holds the rules of double entry for pay, as pure functions: which accounts an event debits and
// credits, and that they balance. Entries are only ever added; a confirmation, payout, clawback or correction is
// a new entry that refers to the old one.
package ledger

import (
	"errors"
	"fmt"

	"github.com/google/uuid"

	payv1 "github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1"
	"github.com/doorstep-dev/doorstep/server/money"
)

// Account is one account of the company's pay ledger.
type Account string

// The accounts. Expenses and cash are the company's; payables are kept for each payee.
const (
	ExpenseInstallFee Account = "expense:install_fee"
	ExpenseParts      Account = "expense:parts"
	ExpenseValueAdded Account = "expense:value_added"
	ExpenseBonus      Account = "expense:bonus"
	PayablePending    Account = "payable:pending"
	PayableConfirmed  Account = "payable:confirmed"
	Paid              Account = "cash:paid"
)

// Kind is why an entry was made.
type Kind string

// The kinds. Accrual, Clawback and Correction make earning lines; Confirmation and Payout move them on.
const (
	Accrual      Kind = "accrual"
	Confirmation Kind = "confirmation"
	Payout       Kind = "payout"
	Clawback     Kind = "clawback"
	Correction   Kind = "correction"
)

// MakesLine tells whether an entry of the kind is an earning line by itself.
func (k Kind) MakesLine() bool { return k == Accrual || k == Clawback || k == Correction }

// State is how sure a line is.
type State string

// The states of a line, in their order.
const (
	Pending   State = "pending"
	Confirmed State = "confirmed"
	Settled   State = "paid"
)

// Posting moves an amount on one account: above zero it is a debit, below zero a credit.
type Posting struct {
	Account Account
	// Payee is zero on the company's own accounts.
	Payee  uuid.UUID
	Amount money.Amount
}

// The refusals of this package.
var (
	ErrUnbalanced = errors.New("ledger: debits and credits differ")
	ErrState      = errors.New("ledger: the line's state does not allow this")
)

// Expense is the account that a category of income is booked on.
func Expense(c payv1.EarningCategory) (Account, error) {
	switch c {
	case payv1.EarningCategory_EARNING_CATEGORY_INSTALL_FEE:
		return ExpenseInstallFee, nil
	case payv1.EarningCategory_EARNING_CATEGORY_PARTS:
		return ExpenseParts, nil
	case payv1.EarningCategory_EARNING_CATEGORY_VALUE_ADDED:
		return ExpenseValueAdded, nil
	case payv1.EarningCategory_EARNING_CATEGORY_BONUS:
		return ExpenseBonus, nil
	}
	return "", fmt.Errorf("ledger: no account for category %s", c)
}

// Line is what the rules need to know of an earning line.
type Line struct {
	Payee    uuid.UUID
	Category payv1.EarningCategory
	// Amount may be below zero: a correction or clawback.
	Amount money.Amount
	State  State
}

// Accrue books a new line. In state Pending the company owes it once the work is approved; a line made in a later
// state (a clawback or correction of a confirmed line) goes against what is confirmed already, so that money which
// was paid out is taken from the next payout.
func Accrue(l Line) ([]Posting, error) {
	expense, err := Expense(l.Category)
	if err != nil {
		return nil, err
	}
	payable := PayableConfirmed
	if l.State == Pending {
		payable = PayablePending
	}
	return move(l.Amount, Posting{Account: expense}, Posting{Account: payable, Payee: l.Payee})
}

// Confirm moves a pending line to what is owed for sure.
func Confirm(l Line) ([]Posting, error) {
	if l.State != Pending {
		return nil, ErrState
	}
	return move(l.Amount, Posting{Account: PayablePending, Payee: l.Payee},
		Posting{Account: PayableConfirmed, Payee: l.Payee})
}

// Pay moves a confirmed line out of the company.
func Pay(l Line) ([]Posting, error) {
	if l.State != Confirmed {
		return nil, ErrState
	}
	return move(l.Amount, Posting{Account: PayableConfirmed, Payee: l.Payee}, Posting{Account: Paid})
}

// Reverse returns the line that takes l back whole: same payee, category and state, the opposite amount. What was
// paid already becomes a debt on the confirmed account.
func Reverse(l Line) (Line, error) {
	n, err := l.Amount.Neg()
	if err != nil {
		return Line{}, err
	}
	return Correct(l, n), nil
}

// Correct returns the line that adds a difference to l.
func Correct(l Line, difference money.Amount) Line {
	c := Line{Payee: l.Payee, Category: l.Category, Amount: difference, State: Pending}
	if l.State != Pending {
		c.State = Confirmed
	}
	return c
}

// move debits from and credits to with the amount.
func move(a money.Amount, from, to Posting) ([]Posting, error) {
	n, err := a.Neg()
	if err != nil {
		return nil, err
	}
	from.Amount, to.Amount = a, n
	return []Posting{from, to}, nil
}

// Check returns ErrUnbalanced unless the postings of one entry add up to zero in one currency.
func Check(postings []Posting) error {
	if len(postings) < 2 {
		return ErrUnbalanced
	}
	total := money.New(0, postings[0].Amount.Currency)
	for _, p := range postings {
		var err error
		if total, err = total.Add(p.Amount); err != nil {
			return err
		}
	}
	if !total.Zero() {
		return ErrUnbalanced
	}
	return nil
}
