package parse

import (
	"testing"
	"time"
)

// FuzzValues gives any text to each parser: none may panic, and what is accepted keeps its promises.
func FuzzValues(f *testing.F) {
	for _, s := range []string{
		"15400001234", "+86 10 12345678", "￥1,299.00", "32.899999999999999", "46349.5",
		"2026年11月23日 14:05", "下午2点-4点", "9520000000011", "-0", "1e308", "99.999999999999999",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if p, err := Phone(s); err == nil {
			if again, err := Phone(p); err != nil || again != p {
				t.Errorf("phone %q became %q became %q, %v", s, p, again, err)
			}
			_ = Mask(p)
		}
		if id, err := Identity(s); err == nil {
			if again, err := Identity(id); err != nil || again != id {
				t.Errorf("identity %q became %q became %q, %v", s, id, again, err)
			}
		}
		if m, err := Money(s, 2, false); err == nil && (m < 0 || m > 1e15) {
			t.Errorf("money %q is %d", s, m)
		}
		if at, err := Time(s, time.UTC, nil); err == nil && (at.Year() < 2000 || at.Year() > 2100) {
			t.Errorf("time %q is %v", s, at)
		}
		if slot, err := DaySlot(s); err == nil && (slot.From < 0 || slot.To <= slot.From || slot.To > 1440) {
			t.Errorf("slot %q is %v", s, slot)
		}
		if g, err := GTIN(s); err == nil && len(g) != 14 {
			t.Errorf("gtin %q is %q", s, g)
		}
		if q, err := Quantity(s); err == nil && (q < 1 || q > MaxQuantity) {
			t.Errorf("quantity %q is %d", s, q)
		}
		if c, err := Coordinate(s, 90); err == nil && !(c >= -90 && c <= 90) {
			t.Errorf("coordinate %q is %v", s, c)
		}
	})
}
