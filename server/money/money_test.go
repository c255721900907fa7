package money

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func TestAmountsAreWrittenAsPeopleReadThem(t *testing.T) {
	t.Parallel()
	for want, a := range map[string]Amount{
		"¥132.50":                Fen(13250),
		"-¥0.05":                 Fen(-5),
		"¥0.00":                  Fen(0),
		"USD 3.00":               New(300, "USD"),
		"JPY 120":                New(120, "JPY"),
		"KWD 0.007":              New(7, "KWD"),
		"-¥92233720368547758.08": Fen(math.MinInt64),
		"¥92233720368547758.07":  Fen(math.MaxInt64),
	} {
		if got := a.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := Fen(500).Signed(); got != "+¥5.00" {
		t.Error(got)
	}
}

func TestArithmeticRefusesWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]func() (Amount, error){
		"add":        func() (Amount, error) { return Fen(math.MaxInt64).Add(Fen(1)) },
		"add low":    func() (Amount, error) { return Fen(math.MinInt64).Add(Fen(-1)) },
		"sub":        func() (Amount, error) { return Fen(0).Sub(Fen(math.MinInt64)) },
		"neg":        func() (Amount, error) { return Fen(math.MinInt64).Neg() },
		"times":      func() (Amount, error) { return Fen(math.MaxInt64 / 2).Times(3) },
		"times low":  func() (Amount, error) { return Fen(-1).Times(math.MinInt64) },
		"times low2": func() (Amount, error) { return Fen(math.MinInt64).Times(-1) },
		"round": func() (Amount, error) {
			r, _ := NewRate(math.MaxInt64, 1)
			return r.Of(Fen(2)).Round(HalfUp)
		},
	} {
		if _, err := f(); !errors.Is(err, ErrOverflow) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Fen(1).Add(New(1, "USD")); !errors.Is(err, ErrCurrency) {
		t.Error(err)
	}
	if _, err := NewRate(1, 0); !errors.Is(err, ErrRate) {
		t.Error(err)
	}
}

func TestRoundingDiffersOnlyAtTheHalf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		num, den, even, up int64
	}{
		{1, 2, 0, 1},
		{3, 2, 2, 2},
		{5, 2, 2, 3},
		{-1, 2, 0, -1},
		{-3, 2, -2, -2},
		{-5, 2, -2, -3},
		{49, 100, 0, 0},
		{51, 100, 1, 1},
		{-51, 100, -1, -1},
		{7, 1, 7, 7},
	} {
		r, _ := NewRate(c.num, c.den)
		even, _ := r.Of(Fen(1)).Round(HalfEven)
		up, _ := r.Of(Fen(1)).Round(HalfUp)
		if even.Minor != c.even || up.Minor != c.up {
			t.Errorf("%s: half even %d, half up %d; want %d, %d", r, even.Minor, up.Minor, c.even, c.up)
		}
	}
	if _, err := Exactly(Fen(1)).Round(0); err == nil {
		t.Error("an unnamed rounding was accepted")
	}
}

func TestSplitGivesTheRestToTheLargestRemaindersInOrder(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		total   int64
		weights []int64
		want    []int64
	}{
		{100, []int64{1, 1, 1}, []int64{34, 33, 33}},
		{-100, []int64{1, 1, 1}, []int64{-34, -33, -33}},
		{5, []int64{0, 1, 0}, []int64{0, 5, 0}},
		{10, []int64{1, 6, 3, 5}, []int64{1, 4, 2, 3}},
		{0, []int64{2, 3}, []int64{0, 0}},
	} {
		got, err := Split(Fen(c.total), c.weights)
		if err != nil {
			t.Fatal(err)
		}
		for i := range got {
			if got[i].Minor != c.want[i] {
				t.Errorf("%d by %v: got %v, want %v", c.total, c.weights, got, c.want)
				break
			}
		}
	}
	for _, w := range [][]int64{nil, {0, 0}, {1, -1}} {
		if _, err := Split(Fen(1), w); !errors.Is(err, ErrWeights) {
			t.Errorf("%v: %v", w, err)
		}
	}
}

func TestSplitAddsUpAndStaysWithinOneUnitOfTheShare(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.Int64().Draw(t, "total")
		weights := rapid.SliceOfN(rapid.Int64Range(0, math.MaxInt64), 1, 12).Draw(t, "weights")
		sum := new(big.Int)
		for _, w := range weights {
			sum.Add(sum, big.NewInt(w))
		}
		parts, err := Split(Fen(total), weights)
		if sum.Sign() == 0 {
			if !errors.Is(err, ErrWeights) {
				t.Fatal(err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := Sum(CNY, parts...)
		if err != nil || got.Minor != total {
			t.Fatalf("sum %v (%v), want %d", got, err, total)
		}
		for i, p := range parts {
			share := new(big.Rat).SetFrac(new(big.Int).Mul(big.NewInt(total), big.NewInt(weights[i])), sum)
			gap := share.Sub(share, new(big.Rat).SetInt64(p.Minor))
			if gap.Abs(gap).Cmp(big.NewRat(1, 1)) >= 0 {
				t.Fatalf("part %d is %d, more than one unit off its share", i, p.Minor)
			}
		}
	})
}

func TestSumAgreesWithBigIntegers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64().Draw(t, "a"), rapid.Int64().Draw(t, "b")
		want := new(big.Int).Add(big.NewInt(a), big.NewInt(b))
		got, err := Fen(a).Add(Fen(b))
		if want.IsInt64() != (err == nil) || (err == nil && got.Minor != want.Int64()) {
			t.Fatalf("%d+%d: %v %v", a, b, got, err)
		}
		want.Mul(big.NewInt(a), big.NewInt(b))
		got, err = Fen(a).Times(b)
		if want.IsInt64() != (err == nil) || (err == nil && got.Minor != want.Int64()) {
			t.Fatalf("%d×%d: %v %v", a, b, got, err)
		}
	})
}
