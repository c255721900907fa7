// Package postgres runs a real PostgreSQL of our own: a private data folder, loopback only, a random password,
// a port that is remembered. It starts PostgreSQL below a supervisor (see package child), so that no PostgreSQL
// is left behind whatever way the parent ends. PostgreSQL refuses to run as root; then it runs as the account
// "postgres", or "nobody" where there is none.
package postgres

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/doorstep-dev/doorstep/server/local/child"
	"github.com/doorstep-dev/doorstep/server/local/failure"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Config says where and how PostgreSQL runs.
type Config struct {
	// Dir holds everything: data, log, password, port. It is made when missing. See Place for root's case.
	Dir string `json:"dir"`
	// Cache is where fetched programs are kept; the running account must be able to read it.
	Cache string `json:"cache"`
	// Port to listen on at 127.0.0.1. 0 takes the port of the last time when it is free, else a free one.
	Port int `json:"port"`
	// Throwaway gives up durability for speed: for tests only.
	Throwaway bool `json:"throwaway"`
}

// Ready is what a started PostgreSQL says of itself.
type Ready struct {
	// URL reaches the database "doorstep" as its owner, a superuser, with the password inside.
	URL string `json:"url"`
	// ServerURL is for a login of a server, which PostgreSQL does not know before somebody makes it: the database's
	// migrations do. Its password is as lasting as the owner's.
	ServerURL string `json:"server_url"`
	// PID is the postmaster's process id; it changes when the supervisor had to start it again.
	PID int `json:"pid"`
	// Major is the version of PostgreSQL.
	Major int `json:"major"`
}

const childName = "postgres"

func init() {
	child.Register(childName, func(ctx context.Context, raw json.RawMessage, ready func(any) error) error {
		var cfg Config
		if err := json.Unmarshal(raw, &cfg); err != nil {
			return err
		}
		return Supervise(ctx, cfg, func(r Ready) error { return ready(r) })
	})
}

// Server is a running PostgreSQL.
type Server struct {
	Ready
	process *child.Process
}

// Start makes the data folder when it is new, starts PostgreSQL on it and waits until it answers. The caller
// makes sure that no two starts share a folder.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	if err := os.MkdirAll(cfg.Dir, 0o711); err != nil {
		return nil, folderFault(err, cfg.Dir)
	}
	log, err := os.OpenFile(filepath.Join(cfg.Dir, "supervisor.log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, folderFault(err, cfg.Dir)
	}
	defer log.Close()
	s := &Server{}
	if s.process, err = child.Start(ctx, childName, cfg, &s.Ready, child.Options{Stderr: log}); err != nil {
		return nil, err
	}
	return s, nil
}

// Done is closed when PostgreSQL and its supervisor have ended.
func (s *Server) Done() <-chan struct{} { return s.process.Done() }

// Supervisor is the process id of PostgreSQL's supervisor.
func (s *Server) Supervisor() int { return s.process.PID() }

// Stop ends open transactions, writes everything down and returns when no process is left.
func (s *Server) Stop(ctx context.Context) error { return s.process.Stop(ctx) }

func folderFault(err error, dir string) error {
	if isDiskFull(err.Error()) {
		return fault.Wrap(err, failure.DiskFull, "%s", dir)
	}
	return fault.Wrap(err, failure.Folder, "%s", dir)
}
