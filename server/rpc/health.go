package rpc

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Check tells whether something that the server needs is there.
type Check func(context.Context) error

// Health answers a load balancer's questions. It is not ready until Ready is called, while a check fails, and
// from the moment that draining begins.
type Health struct {
	checks map[string]Check
	ready  atomic.Bool

	mu     sync.Mutex
	at     time.Time
	report map[string]string
	ok     bool
}

// checkTimeout bounds one round of checks, and checkKept how long its result is used again: probes from many
// balancers must not become load on a database that is struggling.
const (
	checkTimeout = 2 * time.Second
	checkKept    = time.Second
)

// NewHealth makes the health of a server that needs what the named checks say.
func NewHealth(checks map[string]Check) *Health { return &Health{checks: checks} }

// Ready opens or closes the door.
func (h *Health) Ready(open bool) { h.ready.Store(open) }

// Routes adds /healthz (the process lives), /readyz (send it traffic) and /metrics.
func (h *Health) Routes(mux *http.ServeMux, metrics prometheus.Gatherer) {
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		report, ok := h.look(r.Context())
		status := http.StatusOK
		if !ok {
			status = http.StatusServiceUnavailable
		}
		writeJSON(w, status, report)
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
}

// look runs the checks, at most once a second. What is wrong is named by the check's name only: the cause may
// hold addresses and goes to the operator's log through the caller of the check.
func (h *Health) look(ctx context.Context) (map[string]string, bool) {
	if !h.ready.Load() {
		return map[string]string{"status": "draining or starting"}, false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if now := time.Now(); h.report == nil || now.Sub(h.at) > checkKept { // probes come by real time
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTimeout)
		defer cancel()
		h.at, h.ok, h.report = now, true, map[string]string{}
		for name, check := range h.checks {
			h.report[name] = "ok"
			if err := check(ctx); err != nil {
				h.report[name], h.ok = "failing", false
			}
		}
		h.report["status"] = map[bool]string{true: "ok", false: "failing"}[h.ok]
	}
	return h.report, h.ok
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// A prober that hung up needs no answer.
	_ = json.NewEncoder(w).Encode(v)
}
