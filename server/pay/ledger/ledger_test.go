package ledger

import (
	"errors"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	payv1 "github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1"
	"github.com/doorstep-dev/doorstep/server/money"
)

func TestALineMovesForwardOnly(t *testing.T) {
	t.Parallel()
	l := Line{Category: payv1.EarningCategory_EARNING_CATEGORY_PARTS, Amount: money.Fen(100)}
	for _, c := range []struct {
		state           State
		confirm, payout error
	}{
		{Pending, nil, ErrState}, {Confirmed, ErrState, nil}, {Settled, ErrState, ErrState},
	} {
		l.State = c.state
		if _, err := Confirm(l); !errors.Is(err, c.confirm) {
			t.Errorf("confirm of %s: %v", c.state, err)
		}
		if _, err := Pay(l); !errors.Is(err, c.payout) {
			t.Errorf("payout of %s: %v", c.state, err)
		}
	}
	if _, err := Accrue(Line{Amount: money.Fen(1)}); err == nil {
		t.Error("a line without a category was booked")
	}
	if err := Check([]Posting{{Amount: money.Fen(1)}, {Amount: money.Fen(-2)}}); !errors.Is(err, ErrUnbalanced) {
		t.Error(err)
	}
}

// Whatever happens to lines, in whatever order, debits equal credits and each payable account holds exactly the
// lines in its state.
func TestAccountsHoldTheLinesInTheirStates(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		payees := []uuid.UUID{{1}, {2}}
		type key struct {
			a Account
			p uuid.UUID
		}
		balance := map[key]int64{}
		book := func(ps []Posting, err error) {
			if err != nil {
				t.Fatal(err)
			}
			if err := Check(ps); err != nil {
				t.Fatal(err)
			}
			for _, p := range ps {
				balance[key{p.Account, p.Payee}] += p.Amount.Minor
			}
		}
		var lines []Line
		t.Repeat(map[string]func(*rapid.T){
			"accrue": func(t *rapid.T) {
				l := Line{
					Payee:    rapid.SampledFrom(payees).Draw(t, "payee"),
					Category: payv1.EarningCategory(rapid.Int32Range(1, 4).Draw(t, "category")),
					Amount:   money.Fen(rapid.Int64Range(1, 1e6).Draw(t, "amount")), State: Pending,
				}
				book(Accrue(l))
				lines = append(lines, l)
			},
			"confirm or pay": func(t *rapid.T) {
				if len(lines) == 0 {
					t.Skip()
				}
				l := &lines[rapid.IntRange(0, len(lines)-1).Draw(t, "line")]
				switch l.State {
				case Pending:
					book(Confirm(*l))
					l.State = Confirmed
				case Confirmed:
					book(Pay(*l))
					l.State = Settled
				}
			},
			"claw back or correct": func(t *rapid.T) {
				if len(lines) == 0 {
					t.Skip()
				}
				old := lines[rapid.IntRange(0, len(lines)-1).Draw(t, "line")]
				l := Correct(old, money.Fen(rapid.Int64Range(-1e6, 1e6).Draw(t, "difference")))
				if rapid.Bool().Draw(t, "whole") {
					var err error
					if l, err = Reverse(old); err != nil {
						t.Fatal(err)
					}
				}
				book(Accrue(l))
				lines = append(lines, l)
			},
			"": func(t *rapid.T) {
				want := map[key]int64{}
				var all int64
				for _, l := range lines {
					switch l.State {
					case Pending:
						want[key{PayablePending, l.Payee}] -= l.Amount.Minor
					case Confirmed:
						want[key{PayableConfirmed, l.Payee}] -= l.Amount.Minor
					case Settled:
						want[key{Paid, uuid.Nil}] -= l.Amount.Minor
					}
				}
				for _, b := range balance {
					all += b
				}
				if all != 0 {
					t.Fatalf("debits and credits differ by %d", all)
				}
				for _, a := range []Account{PayablePending, PayableConfirmed, Paid} {
					for _, p := range append(payees, uuid.Nil) {
						if k := (key{a, p}); balance[k] != want[k] {
							t.Fatalf("%s of %s holds %d, its lines %d", a, p, balance[k], want[k])
						}
					}
				}
			},
		})
	})
}
