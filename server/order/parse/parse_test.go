package parse

import (
	"errors"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/doorstep-dev/doorstep/server/order/refusal"
)

func code(err error) refusal.Code {
	var e *refusal.Error
	if errors.As(err, &e) {
		return e.Code
	}
	if err != nil {
		return "?"
	}
	return ""
}

func TestPhoneIsKeptInOneFormHoweverItWasWritten(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"15400001234": "15400001234", "154 0000 1234": "15400001234", "+86 154-0000-1234": "15400001234",
		"0086-15400001234": "15400001234", "8615400001234": "15400001234", "１５４００００１２３４": "15400001234",
		"1.5400001234E10": "15400001234", "15400001234.0": "15400001234", "15400001234转5678": "15400001234-5678",
		"15400001234-5678": "15400001234-5678", "010-12345678": "010-12345678", "(0571)87654321": "0571-87654321",
		"+86 10 12345678": "010-12345678", "400-123-4567": "4001234567", "+44 20 7946 0123": "+442079460123",
	} {
		if got, err := Phone(in); got != want || err != nil {
			t.Errorf("Phone(%q) = %q, %v; want %q", in, got, err, want)
		}
	}
	for in, want := range map[string]refusal.Code{
		"": refusal.Missing, "154****1234": refusal.PhoneMasked, "1540000123": refusal.PhoneMalformed,
		"张三":           refusal.PhoneMalformed,
		"154000012345": refusal.PhoneMalformed, "12000000000": refusal.PhoneMalformed,
	} {
		if got, err := Phone(in); code(err) != want {
			t.Errorf("Phone(%q) = %q, %v; want %s", in, got, err, want)
		}
	}
}

func TestPhoneOfAKeptNumberIsItself(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p, err := Phone(
			rapid.StringMatching(`(\+86 ?)?1[3-9][0-9]{9}(转[0-9]{1,4})?|0(10|2[0-9]|[3-9][0-9]{2})-?[2-8][0-9]{6,7}`).
				Draw(t, "phone"))
		if err != nil {
			t.Skip()
		}
		if again, err := Phone(p); err != nil || again != p {
			t.Fatalf("%q became %q, %v", p, again, err)
		}
	})
}

func TestMoneyIsExact(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]int64{
		"￥1,299.00": 129900, "¥1299": 129900, "1299元": 129900, "32.9": 3290, "32.899999999999999": 3290,
		"0.07": 7, "RMB 5": 500,
		".5": 50, "１２．５０": 1250, "0": 0, "9999999.99": 999999999, "19.989999999999998": 1999,
	} {
		if got, err := Money(in, 2, false); got != want || err != nil {
			t.Errorf("Money(%q) = %d, %v; want %d", in, got, err, want)
		}
	}
	if got, err := Money("R$ 1.299,50", 2, true); got != 129950 || err != nil {
		t.Errorf("decimal comma: %d, %v", got, err)
	}
	for in, want := range map[string]refusal.Code{
		"": refusal.Missing, "-5": refusal.MoneyNegative, "1,29.00": refusal.MoneyMalformed, "12.345": refusal.MoneyFractions,
		"面议":  refusal.MoneyMalformed,
		"1e5": refusal.MoneyMalformed, "99999999999999": refusal.MoneyTooLarge, "1.2.3": refusal.MoneyMalformed,
	} {
		if got, err := Money(in, 2, false); code(err) != want {
			t.Errorf("Money(%q) = %d, %v; want %s", in, got, err, want)
		}
	}
}

func TestTimeReadsWhatShopsWrite(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("CST", 8*3600)
	want := time.Date(2026, 11, 23, 14, 5, 0, 0, zone)
	for _, in := range []string{
		"2026-11-23 14:05:00", "2026/11/23 14:05", "2026年11月23日 14:05", "46349.586805555555", "2026-11-23T06:05:00Z",
		"20261123140500",
		"2026-11-23　14:05",
	} {
		if got, err := Time(in, zone, nil); !got.Equal(want) || err != nil {
			t.Errorf("Time(%q) = %v, %v", in, got, err)
		}
	}
	l, ok := Layout("dd/MM/yyyy HH:mm")
	if got, err := Time("23/11/2026 14:05", zone, []string{l}); !ok || !got.Equal(want) || err != nil {
		t.Errorf("given layout: %v, %v", got, err)
	}
	for in, want := range map[string]refusal.Code{
		"": refusal.Missing, "明天": refusal.TimeMalformed, "2026-02-30": refusal.TimeMalformed,
		"1900-01-01": refusal.TimeImplausible, "23/11/2026": refusal.TimeMalformed,
	} {
		if got, err := Time(in, zone, nil); code(err) != want {
			t.Errorf("Time(%q) = %v, %v; want %s", in, got, err, want)
		}
	}
}

func TestDaySlot(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]Slot{
		"上午": {540, 720}, "09:00-12:00": {540, 720}, "9点至12点": {540, 720}, "下午2点-4点": {840, 960}, "14：00～16：30": {840, 990},
		"18-20": {1080, 1200},
	} {
		if got, err := DaySlot(in); got != want || err != nil {
			t.Errorf("DaySlot(%q) = %v, %v", in, got, err)
		}
	}
	for in, want := range map[string]refusal.Code{
		"12:00-09:00": refusal.WindowBackwards, "随时": refusal.WindowMalformed,
		"25:00-26:00": refusal.WindowMalformed,
	} {
		if _, err := DaySlot(in); code(err) != want {
			t.Errorf("DaySlot(%q): %v", in, err)
		}
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	if g, err := GTIN("9520000000014"); err == nil {
		if g != "09520000000014" {
			t.Error(g)
		}
	}
	body := "952000000001"
	if g, err := GTIN(body + string(CheckDigit(body))); err != nil || !strings.HasPrefix(g, "0952") {
		t.Errorf("%s %v", g, err)
	}
	if _, err := GTIN("6901234567893"); code(err) == refusal.GTINMalformed {
		t.Error(err)
	}
	for in, want := range map[string]refusal.Code{
		"2": "", "2.0": "", "2台": "", "0": refusal.QuantityRange,
		"51": refusal.QuantityRange, "-1": refusal.QuantityRange, "两台": refusal.QuantityMalformed,
		"1.5": refusal.QuantityMalformed,
	} {
		if _, err := Quantity(in); code(err) != want {
			t.Errorf("Quantity(%q): %v", in, err)
		}
	}
	for in, want := range map[string]refusal.Code{
		"30.25": "", "91": refusal.CoordinateRange,
		"NaN": refusal.CoordinateMalformed, "0x1p4": refusal.CoordinateMalformed, "N30": refusal.CoordinateMalformed,
	} {
		if _, err := Coordinate(in, 90); code(err) != want {
			t.Errorf("Coordinate(%q): %v", in, err)
		}
	}
	if Mask("15400001234") != "154****1234" || Mask("010-12345678") != "010-****5678" {
		t.Error(Mask("15400001234"), Mask("010-12345678"))
	}
}
