// Package objectstore runs a real S3 object store, VersityGW on a plain folder, as a child process (see package child)
// of the program doorstep-store. It listens on loopback unless told otherwise and has one account with a random secret.
package objectstore

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/doorstep-dev/doorstep/server/local/child"
	"github.com/doorstep-dev/doorstep/server/local/failure"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Region is what the store calls itself.
const Region = "us-east-1"

// ChildName is the name under which doorstep-store registers its work with package child.
const ChildName = "objectstore"

// Config says where and how the store runs.
type Config struct {
	// Dir holds everything: objects, account, port, log. It is made when missing.
	Dir string `json:"dir"`
	// Host to listen on; empty is 127.0.0.1. Phones on the same network need 0.0.0.0.
	Host string `json:"host"`
	// Port to listen on. 0 takes the port of the last time when it is free, else a free one.
	Port int `json:"port"`
	// Program is the path of doorstep-store; empty is what Find finds.
	Program string `json:"-"`
	// Throwaway removes Dir when the store ends, however its parent ended: for tests only.
	Throwaway bool `json:"throwaway"`
}

// Account is the store's only account.
type Account struct {
	AccessKey string `json:"access_key"`
	SecretKey string `json:"secret_key"`
}

// Ready is what a started store says of itself.
type Ready struct {
	// Endpoint is host:port, for plain HTTP, as this machine reaches it.
	Endpoint string `json:"endpoint"`
	// Port is the endpoint's port, for who must name the host differently.
	Port int `json:"port"`
	Account
}

// Server is a running object store.
type Server struct {
	Ready
	process *child.Process
}

// Start makes the folder when it is new, starts the store on it and waits until it answers. The caller makes
// sure that no two starts share a folder.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	abs, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, folderFault(err, cfg.Dir)
	}
	cfg.Dir = abs // the child changes its working directory
	if cfg.Program == "" {
		if cfg.Program, err = Find(); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, folderFault(err, cfg.Dir)
	}
	log, err := os.OpenFile(filepath.Join(cfg.Dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, folderFault(err, cfg.Dir)
	}
	defer log.Close()
	s := &Server{}
	if s.process, err = child.Start(ctx, ChildName, cfg, &s.Ready,
		child.Options{Stderr: log, Program: cfg.Program}); err != nil {
		return nil, err
	}
	return s, nil
}

// Done is closed when the store has ended.
func (s *Server) Done() <-chan struct{} { return s.process.Done() }

// PID is the process id of the store.
func (s *Server) PID() int { return s.process.PID() }

// Stop ends the store and returns when its process is gone.
func (s *Server) Stop(ctx context.Context) error { return s.process.Stop(ctx) }

// Prepare makes the folder ready and settles account and port; the store's process calls it before it serves.
func (c Config) Prepare() (Ready, error) {
	if err := os.MkdirAll(c.Objects(), 0o700); err != nil {
		return Ready{}, folderFault(err, c.Objects())
	}
	a, err := c.account()
	if err != nil {
		return Ready{}, err
	}
	port, err := c.choosePort()
	if err != nil {
		return Ready{}, err
	}
	here := c.host()
	if ip := net.ParseIP(here); ip != nil && ip.IsUnspecified() {
		here = "127.0.0.1"
	}
	return Ready{Endpoint: net.JoinHostPort(here, strconv.Itoa(port)), Port: port, Account: a}, nil
}

// Objects is the folder of the buckets.
func (c Config) Objects() string { return filepath.Join(c.Dir, "objects") }

// Listen is the address to listen on at port.
func (c Config) Listen(port int) string { return net.JoinHostPort(c.host(), strconv.Itoa(port)) }

// account reads the store's account, or makes it up when there is none.
func (c Config) account() (Account, error) {
	path := filepath.Join(c.Dir, "account")
	var a Account
	raw, err := os.ReadFile(path)
	if err == nil && json.Unmarshal(raw, &a) == nil && a.SecretKey != "" {
		return a, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return a, folderFault(err, path)
	}
	secret := make([]byte, 30)
	if _, err := rand.Read(secret); err != nil {
		return a, fault.Wrap(err, failure.Start, "")
	}
	all := hex.EncodeToString(secret)
	a = Account{AccessKey: "doorstep-" + all[:12], SecretKey: all[12:]}
	if raw, err = json.Marshal(a); err != nil {
		return a, fault.Wrap(err, failure.Start, "")
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		return a, folderFault(err, path)
	}
	return a, nil
}

func (c Config) host() string {
	if c.Host == "" {
		return "127.0.0.1"
	}
	return c.Host
}

// choosePort is the given port, or the one of the last time, or a free one.
func (c Config) choosePort() (int, error) {
	if c.Port != 0 {
		if _, err := c.tryPort(c.Port); err != nil {
			return 0, fault.Wrap(err, failure.PortBusy, "object store, port %d", c.Port)
		}
		return c.Port, nil
	}
	path := filepath.Join(c.Dir, "port")
	if raw, err := os.ReadFile(path); err == nil {
		if p, err := strconv.Atoi(strings.TrimSpace(string(raw))); err == nil {
			if _, err := c.tryPort(p); err == nil {
				return p, nil
			}
		}
	}
	p, err := c.tryPort(0)
	if err != nil {
		return 0, fault.Wrap(err, failure.Start, "no free port")
	}
	if err := os.WriteFile(path, []byte(strconv.Itoa(p)+"\n"), 0o600); err != nil {
		return 0, folderFault(err, path)
	}
	return p, nil
}

func (c Config) tryPort(port int) (int, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(c.host(), strconv.Itoa(port)))
	if err != nil {
		return 0, err
	}
	p := l.Addr().(*net.TCPAddr).Port
	return p, l.Close()
}

func folderFault(err error, path string) error {
	if errors.Is(err, syscall.ENOSPC) {
		return fault.Wrap(err, failure.DiskFull, "%s", path)
	}
	return fault.Wrap(err, failure.Folder, "%s", path)
}
