package main

import (
	"fmt"
	"time"
)

// livePhones watch in the rows about changes on their way.
const livePhones = 200

// live measures from commit to phone: few changes to their own phones, and one feed that many share.
func (b *bench) live() error {
	if err := b.forget(); err != nil {
		return err
	}
	s, err := b.load(loading{URL: b.server.URL, Phones: livePhones, Rate: 20, Length: 25 * time.Second})
	if err != nil {
		return err
	}
	b.report.add(fmt.Sprintf("commit → phone, %d phones, 20 changes/s", livePhones), "p50 ≤ 6 ms, p99 ≤ 50 ms",
		fmt.Sprintf("p50 **%.1f ms**, p99 **%.1f ms** (%d changes, %d not seen)",
			s.Change.P50, s.Change.P99, s.Change.Count, s.Unseen))

	const many, rate = 1000, 2
	if err := b.enrol(0, many, true); err != nil {
		return err
	}
	if s, err = b.load(loading{
		URL: b.server.URL, Phones: many, Shared: true, Rate: rate,
		Length: 25 * time.Second,
	}); err != nil {
		return err
	}
	b.report.add(fmt.Sprintf("commit → phone, a feed that %d phones share, %d changes/s", many, rate), "p99 ≤ 150 ms",
		fmt.Sprintf("p50 **%.0f ms**, p99 **%.0f ms** (%d arrivals, %d not seen)",
			s.Change.P50, s.Change.P99, s.Change.Count, s.Unseen))
	return b.disperse()
}

// fanout raises the rate of changes over the phones until the slowest hundredth takes more than a second from when it
// was due, which is also so when the server takes the changes in more slowly than they come.
func (b *bench) fanout() error {
	const step = 500
	best, at := 0, ""
	for rate := step; ; rate += step {
		if err := b.forget(); err != nil {
			return err
		}
		s, err := b.load(loading{
			URL: b.server.URL, Phones: livePhones, Rate: float64(rate), Batch: 20, Count: 8 * rate,
			Length: time.Minute, Due: true,
		})
		if err != nil {
			return err
		}
		if s.Change.P99 > 1000 || s.Unseen > 0 || s.NotSent > 0 {
			at += fmt.Sprintf("; at %d/s p99 %.0f ms", rate, s.Change.P99)
			break
		}
		best, at = rate, fmt.Sprintf("p50 %.0f ms, p99 %.0f ms from when a change was due", s.Change.P50, s.Change.P99)
	}
	b.report.add(fmt.Sprintf("fan-out over %d phones before p99 passes 1 s", livePhones), "≥ 1,500 changes/s",
		fmt.Sprintf("**%d changes/s**: %s", best, at))
	return nil
}
