package civil

import (
	"testing"
	"time"
)

func TestDaysBelongToTheirWeekAndMonthInTheirZone(t *testing.T) {
	t.Parallel()
	shanghai, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 12, 31, 16, 0, 0, 0, time.UTC)
	if got := DayOf(at, shanghai).String(); got != "2027-01-01" {
		t.Error(got)
	}
	if got := DayOf(at, time.UTC).String(); got != "2026-12-31" {
		t.Error(got)
	}
	for day, monday := range map[string]string{
		"2026-11-23": "2026-11-23", "2026-11-29": "2026-11-23", "2027-01-01": "2026-12-28", "2024-03-01": "2024-02-26",
	} {
		d, err := ParseDay(day)
		if err != nil || d.Monday().String() != monday {
			t.Errorf("the week of %s begins on %s (%v), want %s", day, d.Monday(), err, monday)
		}
	}
	d, _ := ParseDay("2024-01-31")
	if got := d.First().Add(1, 0).String(); got != "2024-02-01" || !d.First().Before(d) || d.Before(d) {
		t.Error(got)
	}
	if got := d.Add(0, 30).Start(shanghai); !got.Equal(time.Date(2024, 2, 29, 16, 0, 0, 0, time.UTC)) {
		t.Error(got) // 1 March in Shanghai
	}
	for _, s := range []string{"", "2026-02-30", "2026-1-1", "20260101"} {
		if _, err := ParseDay(s); err == nil {
			t.Errorf("%q was taken for a date", s)
		}
	}
}
