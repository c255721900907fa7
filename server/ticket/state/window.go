package state

import (
	"time"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Window is a span of time; a zero end is open.
type Window struct{ From, To time.Time }

// IsZero tells whether nothing is said.
func (w Window) IsZero() bool { return w.From.IsZero() && w.To.IsZero() }

// Windows are the five pairs of times of a ticket. They are kept apart: moving one moves no other.
type Windows struct {
	// Wanted is the earliest and latest that suits customer and office.
	Wanted Window
	// Arrival is what the customer was told.
	Arrival Window
	// Scheduled is when the technician plans to work.
	Scheduled Window
	// Due is when the SLA wants the work begun and done.
	Due Window
	// Actual is when it was begun and done, by device time.
	Actual Window
}

// maxSpan bounds a window; longer ones are typing errors.
const maxSpan = 366 * 24 * time.Hour

// Check tells what is wrong with a window that somebody asked for: an end before its begin, or longer than a year.
func (w Window) Check(name string) error {
	if w.From.IsZero() || w.To.IsZero() {
		return nil
	}
	switch {
	case w.To.Before(w.From):
		return fault.New(fault.InvalidArgument, "%s ends before it begins", name)
	case w.To.Sub(w.From) > maxSpan:
		return fault.New(fault.InvalidArgument, "%s is longer than a year", name)
	}
	return nil
}

// Holds tells whether t lies in the window, both ends included.
func (w Window) Holds(t time.Time) bool {
	return (w.From.IsZero() || !t.Before(w.From)) && (w.To.IsZero() || !t.After(w.To))
}
