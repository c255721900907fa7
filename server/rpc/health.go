package rpc

import (
	"encoding/json"
	"net/http"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Check tells whether something that the server needs is there. It is asked at each call, so it answers from
// memory; what watches the thing itself also tells the operator's log.
type Check func() error

// Health answers a load balancer's questions. It is not ready until Ready is called, while a check fails, and
// from the moment that draining begins.
type Health struct {
	checks map[string]Check
	// partial checks are about what part of the server's work needs; see NewHealth.
	partial map[string]Check
	ready   atomic.Bool
}

// NewHealth makes the health of a server that needs what the named checks say. While a partial check fails, the
// server is ready and says that it is degraded: another replica would lack the same, and most of the work goes on.
func NewHealth(checks, partial map[string]Check) *Health {
	return &Health{checks: checks, partial: partial}
}

// Ready opens or closes the door.
func (h *Health) Ready(open bool) { h.ready.Store(open) }

// Routes adds /healthz (the process lives) and /readyz (send it traffic).
func (h *Health) Routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		report, ok := h.look()
		status := http.StatusOK
		if !ok {
			status = http.StatusServiceUnavailable
		}
		writeJSON(w, status, report)
	})
}

// Metrics serves /metrics and nothing else: who is connected and how much is done is nothing for the public, so it
// listens apart.
func Metrics(from prometheus.Gatherer) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(from, promhttp.HandlerOpts{}))
	return mux
}

// Wrap makes callers come over a new connection, which a balancer gives to another replica, while this one is not
// ready: without that a phone would keep its connection, and go on asking where it is refused.
func (h *Health) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !h.open() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

func (h *Health) open() bool {
	if !h.ready.Load() {
		return false
	}
	for _, check := range h.checks {
		if check() != nil {
			return false
		}
	}
	return true
}

// look asks the checks. What is wrong is named by the check's name only: the cause may hold addresses.
func (h *Health) look() (map[string]string, bool) {
	if !h.ready.Load() {
		return map[string]string{"status": "draining or starting"}, false
	}
	report := map[string]string{}
	failing := func(checks map[string]Check) (some bool) {
		for name, check := range checks {
			report[name] = "ok"
			if check() != nil {
				report[name], some = "failing", true
			}
		}
		return some
	}
	degraded, down := failing(h.partial), failing(h.checks)
	switch {
	case down:
		report["status"] = "failing"
	case degraded:
		report["status"] = "degraded"
	default:
		report["status"] = "ok"
	}
	return report, !down
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// A prober that hung up needs no answer.
	_ = json.NewEncoder(w).Encode(v)
}
