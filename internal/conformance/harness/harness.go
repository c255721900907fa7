// Package harness lets a client in any language meet the real server under control: it starts a server of its own for
// each scenario (a world), stands as a proxy in front of it, and takes orders over HTTP: the office does something, the
// network fails in a given way, the server is restored from a backup. What the orders are is written in
// sync/conformance/README.md.
//
// The trade is the engine's toy trade (items that somebody holds and that can be counted up), so that a client needs no
// message of the real one; accounts, tokens, sync and parking are the real server's.
package harness

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/server/app"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Harness makes worlds. It is an http.Handler:
//
//	POST   /worlds        with a Setup gives a Welcome
//	POST   /worlds/{id}   with one step of a scenario gives a Done; 409 and a reason when what it asserts does not hold
//	DELETE /worlds/{id}   ends a world
//	GET    /photos/{n}    gives a JPEG of n bytes
type Harness struct {
	// admin reaches a PostgreSQL as a role that may create databases; template is a migrated database there to which
	// nobody is connected; server reaches the same PostgreSQL as a server does.
	admin, server, template string
	// store keeps the objects of all worlds, each in a bucket of its own.
	store app.Objects

	mux    http.ServeMux
	mu     sync.Mutex
	worlds map[string]*world
}

// New returns a harness on the PostgreSQL behind owner, an empty database of our own there, which it migrates and
// copies for each world, and which servers reach by the login of the URL server; and on an object store, where each
// world makes a bucket.
func New(ctx context.Context, owner, server string, store app.Objects) (*Harness, error) {
	config, err := pgx.ParseConfig(owner)
	if err != nil {
		return nil, err
	}
	if err := app.Migrate(ctx, owner, server); err != nil {
		return nil, err
	}
	h := &Harness{
		admin: withDatabase(owner, "postgres"), server: server, template: config.Database, store: store,
		worlds: map[string]*world{},
	}
	h.mux.HandleFunc("POST /worlds", h.open)
	h.mux.HandleFunc("POST /worlds/{id}", h.step)
	h.mux.HandleFunc("DELETE /worlds/{id}", h.end)
	h.mux.HandleFunc("GET /photos/{n}", photo)
	return h, nil
}

// ServeHTTP implements http.Handler.
func (h *Harness) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

// Close ends all worlds.
func (h *Harness) Close(ctx context.Context) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, w := range h.worlds {
		w.close(ctx)
		delete(h.worlds, id)
	}
}

// Setup is what a scenario begins with.
type Setup struct {
	// Users are technicians of one team, Items are what the office may give; by the names that the scenario uses.
	Users  []string     `json:"users"`
	Items  []string     `json:"items"`
	Server ServerConfig `json:"server"`
}

// ServerConfig is how the server of a scenario differs from the usual one.
type ServerConfig struct {
	// Retired are kinds of mutation that only apps send which are too old.
	Retired []string `json:"retired"`
	// KeepDays is what devices are told, see PushResponse; 14 when 0.
	KeepDays uint32 `json:"keep_days"`
}

// Welcome tells where a world is and what its names stand for.
type Welcome struct {
	ID    string               `json:"id"`
	URL   string               `json:"url"`
	Org   uuid.UUID            `json:"org"`
	Users map[string]uuid.UUID `json:"users"`
	Items map[string]uuid.UUID `json:"items"`
}

// Done is the answer to a step.
type Done struct {
	// Code is an enrolment code, where that was asked for.
	Code string `json:"code,omitempty"`
}

func (h *Harness) open(w http.ResponseWriter, r *http.Request) {
	var s Setup
	if err := json.NewDecoder(r.Body).Decode(&s); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	// The world outlives the call that asked for it.
	made, welcome, err := newWorld(context.WithoutCancel(r.Context()), h.admin, h.server, h.template, h.store, s)
	if err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	h.mu.Lock()
	h.worlds[welcome.ID] = made
	h.mu.Unlock()
	answer(w, welcome)
}

func (h *Harness) step(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	world, ok := h.worlds[r.PathValue("id")]
	h.mu.Unlock()
	var s Step
	if !ok {
		refuse(w, http.StatusNotFound, fmt.Errorf("no world %s", r.PathValue("id")))
		return
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	done, err := world.do(context.WithoutCancel(r.Context()), s)
	if err != nil {
		refuse(w, http.StatusConflict, err)
		return
	}
	answer(w, done)
}

func (h *Harness) end(_ http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	world, ok := h.worlds[r.PathValue("id")]
	delete(h.worlds, r.PathValue("id"))
	h.mu.Unlock()
	if ok {
		world.close(context.WithoutCancel(r.Context()))
	}
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the runner is gone: nobody to tell
}

// refuse tells the whole reason: whoever runs scenarios is the developer.
func refuse(w http.ResponseWriter, status int, err error) {
	w.WriteHeader(status)
	why := err.Error()
	if code := fault.CodeOf(err); code != fault.Internal {
		why = string(code) + ": " + why
	}
	_, _ = fmt.Fprintln(w, strings.TrimSpace(why)) // as above
}
