package state

import "time"

// MaxAhead is how far a device's clock may be ahead of the office's before what it tells is left to a person.
const MaxAhead = 10 * time.Minute

// Happened tells when a thing that a device reports happened, for all rules: its device time, but never later
// than the server heard of it. ok is false when the device's clock is ahead by more than MaxAhead. A time far
// back is no fault: phones are offline for weeks.
func Happened(device, server time.Time) (at time.Time, ok bool) {
	if device.Sub(server) > MaxAhead {
		return server, false
	}
	if device.After(server) {
		return server, true
	}
	return device, true
}
