package app

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// meter adds the metrics of the process, the database's connections and the watch streams.
func (a *App) meter() error {
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	for _, c := range append(a.sizes.collectors(), a.tidied.left, a.tidied.collected,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		gauge("doorstep_watches", "Phones that are connected now.", func() float64 { return float64(a.hub.Connected()) }),
		gauge("doorstep_database_up", "1 while the database can be reached, 0 while it cannot.", up(a.line.Err)),
		gauge("doorstep_object_store_up", "1 while the object store answers, 0 while it does not.",
			up(a.Rooms.Proof.Reach.Err)),
		gauge("doorstep_database_connections",
			"Open connections to the database.", func() float64 { return float64(a.pool.Stat().TotalConns()) }),
		gauge("doorstep_database_connections_used",
			"Connections in use.", func() float64 { return float64(a.pool.Stat().AcquiredConns()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "doorstep_database_deadlocks_total",
			Help: "Transactions that the database ended because of a deadlock and that were run again; there should be none.",
		}, func() float64 { return float64(a.Rooms.Store.Deadlocks()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "doorstep_database_waits_total", Help: "Times that a call waited for a connection.",
		}, func() float64 { return float64(a.pool.Stat().EmptyAcquireCount()) }),
	) {
		if err := a.config.Metrics.Register(c); err != nil {
			return err
		}
	}
	return nil
}

// up turns a check into a gauge's value.
func up(check func() error) func() float64 {
	return func() float64 {
		if check() != nil {
			return 0
		}
		return 1
	}
}
