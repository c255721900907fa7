package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// report gathers rows and prints each as it comes.
type report struct{ rows []string }

func (r *report) add(what, budget, got string) {
	fmt.Printf("%-46s %-28s %s\n", what, budget, got)
	r.rows = append(r.rows, fmt.Sprintf("| %s | %s | %s |", what, budget, got))
}

// ratio reports the median of the ratios of two sides measured in turn, with both medians.
func (r *report) ratio(what, budget string, ours []float64, unit string, theirs []float64, otherUnit string) {
	ratios := make([]float64, len(ours))
	for i := range ours {
		ratios[i] = ours[i] / theirs[i]
	}
	lo, mid, hi := minMedianMax(ratios)
	_, a, _ := minMedianMax(ours)
	_, b, _ := minMedianMax(theirs)
	r.add(what, budget, fmt.Sprintf("**%.2f ×** (%.2f–%.2f): %s %s beside %s %s", mid, lo, hi, figure(a), unit,
		figure(b), otherUnit))
}

// spread reports median and 99th percentile.
func (r *report) spread(what, budget string, took []float64, unit string) {
	r.add(what, budget, fmt.Sprintf("p50 **%.2f %s**, p99 **%.2f %s** (%d calls)",
		quantile(took, 0.50), unit, quantile(took, 0.99), unit, len(took)))
}

// quantile of what was measured, in any order.
func quantile(took []float64, p float64) float64 {
	sorted := slices.Sorted(slices.Values(took))
	return sorted[min(len(sorted)-1, int(p*float64(len(sorted))))]
}

func minMedianMax(v []float64) (lo, mid, hi float64) {
	s := slices.Sorted(slices.Values(v))
	return s[0], s[len(s)/2], s[len(s)-1]
}

func figure(v float64) string {
	if v >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// write puts the rows into a Markdown page.
func (r *report) write(path string, postgres int) error {
	cpu := "an unnamed processor"
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if name, ok := strings.CutPrefix(line, "model name"); ok {
				cpu = strings.TrimSpace(strings.TrimLeft(name, "\t :"))
				break
			}
		}
	}
	page := fmt.Sprintf(`# Benchmarks

Written by `+"`make bench`"+` on %s: %d cores of %s, %s, %s, PostgreSQL %d with full durability.
PostgreSQL, server and load share the cores. Each ratio is the median of the pairs measured in turn, with the smallest
and the largest; both sides come from the same run. Budgets are those of the design.

| what | budget | measured |
| --- | --- | --- |
%s
%s`, time.Now().UTC().Format(time.DateOnly), runtime.NumCPU(), cpu, runtime.GOOS+"/"+runtime.GOARCH, runtime.Version(),
		postgres, strings.Join(r.rows, "\n"), remarks(path))
	return os.WriteFile(path, []byte(page), 0o644)
}

// remarks are what people wrote behind the figures of the last run: they stay.
func remarks(path string) string {
	page, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	if _, after, found := strings.Cut(string(page), "\n## "); found {
		return "\n## " + after
	}
	return ""
}
