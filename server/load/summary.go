package load

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
)

// Summary is what the phones of a run met. Times are in seconds, latencies in milliseconds, sizes in bytes on the
// wire with heads.
type Summary struct {
	Phones int `json:"phones"`
	// Synced phones reached their first checkpoint; Watching ones stood on a watch in the end; Refused ones were
	// told not to come back.
	Synced   int64 `json:"synced"`
	Watching int64 `json:"watching"`
	Refused  int64 `json:"refused_for_good"`
	// Setup is how long it took until all stood; Elapsed is the whole run.
	Setup   float64 `json:"setup_s"`
	Elapsed float64 `json:"elapsed_s"`

	FirstSync Percentiles `json:"first_sync"` // from a phone's arrival to its first checkpoint
	Connect   Percentiles `json:"connect"`    // from opening a watch to its first message
	Pull      Percentiles `json:"pull"`       // from a poke to the checkpoint
	Push      Percentiles `json:"push"`       // one call
	// Change is from when a change was due (or committed, when Committed was given) until a phone holds it.
	Change Percentiles `json:"change"`
	// Unseen is how many arrivals of changes were still awaited at the end; NotSent how many mutations the server
	// was too slow to be sent.
	Unseen  int   `json:"unseen"`
	NotSent int64 `json:"not_sent"`

	Entries int64 `json:"entries"`
	Pulls   int64 `json:"pulls"`
	// Carried pages came with a poke, so that there was no pull.
	Carried   int64 `json:"carried"`
	Pushes    int64 `json:"pushes"`
	Mutations int64 `json:"mutations"`

	Up        int64 `json:"bytes_up"`
	Down      int64 `json:"bytes_down"`
	SetupUp   int64 `json:"setup_bytes_up"`
	SetupDown int64 `json:"setup_bytes_down"`

	// Errors by code, verdicts by outcome and code.
	Errors   map[string]int64 `json:"errors"`
	Verdicts map[string]int64 `json:"verdicts"`
	Retries  int64            `json:"retries"`
	// Cuts are watches that fell without a goodbye; RetryAfter counts answers that asked to wait, at the longest
	// LongestWait seconds.
	Cuts        int64   `json:"cuts"`
	RetryAfter  int64   `json:"retry_after"`
	LongestWait float64 `json:"longest_retry_after_s"`
	// DigestsDiffer counts feeds whose first checkpoint did not agree with what had come. It must be 0.
	DigestsDiffer int64 `json:"digests_differ"`
	// Memory is what this process held in the end, resident.
	Memory int64 `json:"own_memory"`
}

func (r *run) summarise(s *Summary, held int64) {
	t := r.tally
	s.Phones, s.Synced, s.Watching, s.Refused = len(r.phones), t.synced.Load(), held, t.gone.Load()
	s.FirstSync, s.Connect, s.Pull = t.firstSync.percentiles(), t.connect.percentiles(), t.pull.percentiles()
	s.Push, s.Change = t.push.percentiles(), t.change.percentiles()
	s.Unseen, s.NotSent = r.changes.awaited(), t.late.Load()
	s.Entries, s.Pulls, s.Carried, s.Pushes, s.Mutations = t.entries.Load(), t.pulls.Load(), t.carried.Load(),
		t.pushes.Load(), t.mutations.Load()
	s.Up, s.Down, s.Retries, s.Cuts = t.up.Load(), t.down.Load(), t.retries.Load(), t.cuts.Load()
	s.RetryAfter, s.DigestsDiffer, s.Memory = t.waited.Load(), t.digests.Load(), ownMemory()
	t.mu.Lock()
	defer t.mu.Unlock()
	s.Errors, s.Verdicts, s.LongestWait = maps.Clone(t.codes), maps.Clone(t.verdicts), t.longest.Seconds()
}

// Print writes the summary as a table for people.
func (s Summary) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	// Flush gives the error of all writes
	p := func(format string, args ...any) { _, _ = fmt.Fprintf(t, format+"\n", args...) }
	p("phones\t%d, %d synced, %d watching at the end, %d refused for good", s.Phones, s.Synced, s.Watching, s.Refused)
	p("time\t%.1f s, of which %.1f s until all stood", s.Elapsed, s.Setup)
	p("on the wire\t%s up, %s down; until all stood %s up, %s down", size(s.Up), size(s.Down), size(s.SetupUp),
		size(s.SetupDown))
	p("calls\t%d pulls and %d carried pages with %d entries, %d pushes with %d mutations", s.Pulls, s.Carried, s.Entries,
		s.Pushes, s.Mutations)
	p("")
	p("milliseconds\tcount\tp50\tp90\tp99\tp99.9\tmax")
	for _, row := range []struct {
		name string
		l    Percentiles
	}{
		{"first sync, from arrival", s.FirstSync},
		{"watch opened", s.Connect},
		{"sync after a poke", s.Pull},
		{"push, one call", s.Push},
		{"change, due → on a phone", s.Change},
	} {
		if row.l.Count > 0 {
			p("%s\t%d\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f", row.name, row.l.Count, row.l.P50, row.l.P90, row.l.P99,
				row.l.P999, row.l.Max)
		}
	}
	p("")
	p("changes not seen in the end\t%d, never sent because the server was behind %d", s.Unseen, s.NotSent)
	p("digests that differed\t%d", s.DigestsDiffer)
	p("verdicts\t%s", counts(s.Verdicts))
	p("errors by code\t%s", counts(s.Errors))
	p("retries\t%d; Retry-After %d times, the longest %.1f s; watches cut %d",
		s.Retries, s.RetryAfter, s.LongestWait, s.Cuts)
	p("this process\t%s resident", size(s.Memory))
	return t.Flush()
}

func counts(m map[string]int64) string {
	out := "none"
	for i, k := range slices.Sorted(maps.Keys(m)) {
		if i == 0 {
			out = ""
		} else {
			out += ", "
		}
		out += fmt.Sprintf("%s %d", k, m[k])
	}
	return out
}

func size(n int64) string {
	switch {
	case n >= 10<<20:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	case n >= 10<<10:
		return fmt.Sprintf("%.1f KB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%d bytes", n)
}
