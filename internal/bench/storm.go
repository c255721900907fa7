package main

import (
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/doorstep-dev/doorstep/server/load"
	"github.com/doorstep-dev/doorstep/server/local/child"
)

const (
	stormPhones = 2000
	stormEach   = 500
)

// storm lets all phones come at once with nothing, to a server of its own, whose memory is so seen.
func (b *bench) storm() error {
	if err := b.forget(); err != nil {
		return err
	}
	if err := b.enrol(0, stormPhones, false); err != nil {
		return err
	}
	if err := b.seed(0, stormPhones, stormEach); err != nil {
		return err
	}
	var all []load.Summary
	var peak float64
	for range stormRuns(b.rounds) {
		var fresh serving
		p, err := child.Start(b.ctx, serverChild, b.dbURL, &fresh, child.Options{Stderr: os.Stderr})
		if err != nil {
			return err
		}
		s, err := b.load(loading{URL: fresh.URL, Phones: stormPhones, Storm: true, Length: 2 * time.Minute})
		top, memErr := processMemory(fresh.PID, "VmHWM:")
		if err := firstOf(firstOf(err, memErr), p.Stop(b.ctx)); err != nil {
			return err
		}
		all, peak = append(all, s), max(peak, top)
	}
	slices.SortFunc(all, func(a, b load.Summary) int { return int(a.FirstSync.P99 - b.FirstSync.P99) })
	mid := all[len(all)/2]
	b.report.add(fmt.Sprintf("morning storm, %d phones × %d entries", stormPhones, stormEach), "all done, p99 ≤ 10 s",
		fmt.Sprintf(
			"%d of %d done, p50 **%.1f s**, p99 **%.1f s** (%.1f–%.1f in %d storms); %.0f entries/s, %.0f MB on the wire, %d "+
				"refused for good, %d digests differ",
			mid.Synced, mid.Phones, mid.FirstSync.P50/1000, mid.FirstSync.P99/1000, all[0].FirstSync.P99/1000,
			all[len(all)-1].FirstSync.P99/1000, len(all),
			float64(mid.Entries)/(mid.FirstSync.Max/1000), float64(mid.SetupDown)/1e6, mid.Refused, mid.DigestsDiffer))
	b.report.add("the server's memory in it, at the most", "≤ 300 MB",
		fmt.Sprintf("**%.0f MB** resident; the load's %.0f MB", peak/1024, float64(mid.Memory)/1e6))
	return nil
}

// stormRuns is fewer than the rounds of the rows that are ratios: a storm is long and compares with nothing.
func stormRuns(rounds int) int { return min(rounds, 3) }
