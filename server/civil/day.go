// Package civil is dates of the calendar without a clock: the days, weeks and months that a company counts in, by its
// own time zone.
package civil

import (
	"fmt"
	"time"
)

// Day is a civil date without a zone; days order by Before.
type Day struct {
	Year  int
	Month time.Month
	Day   int
}

// DayOf is the civil date of a moment in a zone.
func DayOf(t time.Time, zone *time.Location) Day {
	y, m, d := t.In(zone).Date()
	return Day{y, m, d}
}

// ParseDay reads YYYY-MM-DD.
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Day{}, fmt.Errorf("civil: %q is no date of the form YYYY-MM-DD", s)
	}
	return DayOf(t, time.UTC), nil
}

// Before tells whether d is an earlier day than e.
func (d Day) Before(e Day) bool {
	if d.Year != e.Year {
		return d.Year < e.Year
	}
	if d.Month != e.Month {
		return d.Month < e.Month
	}
	return d.Day < e.Day
}

// First is the first day of the day's month.
func (d Day) First() Day { return Day{d.Year, d.Month, 1} }

// Monday is the first day of the day's week.
func (d Day) Monday() Day {
	t := time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC)
	return DayOf(t.AddDate(0, 0, -(int(t.Weekday())+6)%7), time.UTC)
}

// Start is the first moment of the day in a zone.
func (d Day) Start(zone *time.Location) time.Time {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, zone)
}

// Add returns the day n days and m months later.
func (d Day) Add(months, days int) Day {
	return DayOf(time.Date(d.Year, d.Month+time.Month(months), d.Day+days, 0, 0, 0, 0, time.UTC), time.UTC)
}

func (d Day) String() string { return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day) }
