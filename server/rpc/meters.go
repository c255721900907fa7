package rpc

import "github.com/prometheus/client_golang/prometheus"

// meters are the border's metrics. Labels are procedures and codes, both bounded.
type meters struct {
	calls   *prometheus.CounterVec
	seconds *prometheus.HistogramVec
	streams prometheus.Gauge
}

func newMeters(r prometheus.Registerer, unread func() float64) (*meters, error) {
	m := &meters{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "doorstep_rpc_calls_total", Help: "Calls by procedure and outcome; code is ok or one of docs/ERRORS.md.",
		}, []string{"procedure", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "doorstep_rpc_seconds", Help: "Time from request to answer of unary calls.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"procedure"}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "doorstep_rpc_streams", Help: "Streams that are open now.",
		}),
	}
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "doorstep_rpc_unread_bytes", Help: "Finished answers that wait for who asked to take them.",
	}, unread)
	for _, c := range []prometheus.Collector{m.calls, m.seconds, m.streams, waiting} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}
