package money

import (
	"errors"
	"math/big"
	"sort"
)

// ErrWeights is a split among nobody: no weights, a negative one, or all zero.
var ErrWeights = errors.New("money: a split needs weights that are not negative and not all zero")

// Split divides total by weights with the largest remainder: each part gets its share rounded towards zero, and
// the minor units left over go one each to the parts with the largest remainders, the earlier part first where
// remainders are equal. The parts add up to total exactly, and the same input gives the same parts.
func Split(total Amount, weights []int64) ([]Amount, error) {
	sum := new(big.Int)
	for _, w := range weights {
		if w < 0 {
			return nil, ErrWeights
		}
		sum.Add(sum, big.NewInt(w))
	}
	if sum.Sign() == 0 {
		return nil, ErrWeights
	}
	abs := new(big.Int).SetUint64(magnitude(total.Minor))
	left := new(big.Int).Set(abs)
	parts := make([]*big.Int, len(weights))
	rests := make([]*big.Int, len(weights))
	order := make([]int, len(weights))
	for i, w := range weights {
		parts[i], rests[i] = new(big.Int).QuoRem(new(big.Int).Mul(abs, big.NewInt(w)), sum, new(big.Int))
		left.Sub(left, parts[i])
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return rests[order[a]].Cmp(rests[order[b]]) > 0 })
	for _, i := range order[:left.Int64()] {
		parts[i].Add(parts[i], big.NewInt(1))
	}
	out := make([]Amount, len(weights))
	for i, p := range parts {
		if total.Minor < 0 {
			p.Neg(p)
		}
		if !p.IsInt64() {
			return nil, ErrOverflow
		}
		out[i] = New(p.Int64(), total.Currency)
	}
	return out, nil
}
