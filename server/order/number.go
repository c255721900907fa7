package order

import (
	"strings"

	"github.com/google/uuid"
)

// A number tells orders of one source apart. Two shops that number their own sales may both have an A-17, and must not
// hear of each other's: where a number is taken by an order beyond the caller's reach, the order is kept under the
// number and, behind a separator that no number contains, the shop that takes it, or the region where there is no shop.
// People see the number alone.
const separator = "\x1f"

func scoped(number string, store, region uuid.UUID) string {
	by := store
	if by == uuid.Nil {
		by = region
	}
	return number + separator + by.String()
}

// shown is a kept number as people know it.
func shown(kept string) string {
	number, _, _ := strings.Cut(kept, separator)
	return number
}
