package app

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/doorstep-dev/doorstep/sync/change"
)

// tidyMeter counts what this replica's rounds took away.
type tidyMeter struct {
	left, collected *prometheus.CounterVec
}

func newTidyMeter() tidyMeter {
	return tidyMeter{
		left: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "doorstep_expired_total",
			Help: "What left phones with age: finished (tickets, notices and decisions) or lines (earning lines).",
		}, []string{"what"}),
		collected: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "doorstep_collected_total", Help: "What was deleted with age: tombstones of feeds, or notes of scans.",
		}, []string{"what"}),
	}
}

func (m tidyMeter) add(t Tidied) {
	m.left.WithLabelValues("finished").Add(float64(t.Finished))
	m.left.WithLabelValues("lines").Add(float64(t.Lines))
	m.collected.WithLabelValues("tombstones").Add(float64(t.Tombstones))
	m.collected.WithLabelValues("scans").Add(float64(t.Scans))
}

// sizeMeter shows how much is kept, of all companies together.
type sizeMeter struct {
	feeds, bytes, largest, oldest, rebuilding prometheus.Gauge
	entries, tables                           *prometheus.GaugeVec
}

func newSizeMeter() sizeMeter {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	return sizeMeter{
		feeds: gauge("doorstep_feeds", "Feeds of all companies."),
		bytes: gauge("doorstep_feed_bytes",
			"Bytes of the bodies that stand in feeds: what all phones together would fetch anew, were each followed by one."),
		largest: gauge("doorstep_feed_largest_entries", "Live entries of the largest feed."),
		oldest: gauge("doorstep_tombstone_oldest_seconds",
			"Age of the oldest tombstone; above the days kept, collecting does not keep up."),
		rebuilding: gauge("doorstep_rebuilds_unfinished", "Rebuilds of feeds that were begun and are not finished."),
		entries: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "doorstep_feed_entries", Help: "Entries of feeds, live or tombstones.",
		}, []string{"state"}),
		tables: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "doorstep_table_bytes", Help: "Bytes on disk of the sync engine's tables with their indexes.",
		}, []string{"table"}),
	}
}

func (m sizeMeter) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.feeds, m.bytes, m.largest, m.oldest, m.rebuilding, m.entries, m.tables}
}

// measureEvery is how often a replica reads how much is kept.
const measureEvery = 5 * time.Minute

// measuring measures until ctx ends, the first time after a random part of the interval: replicas that start together
// do not read together.
func (a *App) measuring(ctx context.Context) {
	next := time.NewTimer(rand.N(measureEvery))
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
			if err := a.Measure(ctx); err != nil && ctx.Err() == nil {
				a.config.Log.WarnContext(ctx, "what is kept could not be measured", "error", err)
			}
			next.Reset(measureEvery)
		}
	}
}

// Measure reads how much is kept for all companies and sets the metrics.
func (a *App) Measure(ctx context.Context) error {
	orgs, err := a.Rooms.Account.Orgs(ctx)
	if err != nil {
		return err
	}
	var feeds, live, tombstones, bytes, largest, rebuilding int64
	var oldest time.Duration
	for _, o := range orgs {
		z, err := a.Rooms.Store.SizeOf(ctx, change.Org(o.ID))
		if err != nil {
			return err
		}
		feeds, live, tombstones, bytes, rebuilding = feeds+z.Feeds, live+z.Live, tombstones+z.Tombstones, bytes+z.Bytes,
			rebuilding+z.Rebuilding
		largest = max(largest, z.Largest)
		if z.Tombstones > 0 {
			oldest = max(oldest, a.config.Now().Sub(z.OldestTombstone))
		}
	}
	tables, err := a.Rooms.Store.TableSizes(ctx)
	if err != nil {
		return err
	}
	m := a.sizes
	m.feeds.Set(float64(feeds))
	m.bytes.Set(float64(bytes))
	m.largest.Set(float64(largest))
	m.oldest.Set(oldest.Seconds())
	m.rebuilding.Set(float64(rebuilding))
	m.entries.WithLabelValues("live").Set(float64(live))
	m.entries.WithLabelValues("tombstone").Set(float64(tombstones))
	for name, size := range tables {
		m.tables.WithLabelValues(name).Set(float64(size))
	}
	return nil
}
