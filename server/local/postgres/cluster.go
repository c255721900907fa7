package postgres

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/doorstep-dev/doorstep/server/local/failure"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

const (
	owner  = "doorstep"        // the superuser's name
	server = "doorstep_server" // the name that a server signs in by
)

// cluster is one data folder with the programs, the account, the port and the password that go with it.
type cluster struct {
	cfg      Config
	bin      Binaries
	account  account
	port     int
	password string
	// serverPassword is for a server's login.
	serverPassword string
}

func (c *cluster) data() string    { return filepath.Join(c.cfg.Dir, "data") }
func (c *cluster) logPath() string { return filepath.Join(c.cfg.Dir, "postgres.log") }
func (c *cluster) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(c.port)) }

func (c *cluster) url(database string) string { return c.urlOf(owner, c.password, database) }

func (c *cluster) serverURL(database string) string {
	return c.urlOf(server, c.serverPassword, database)
}

func (c *cluster) urlOf(login, password, database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(login, password), Host: c.address(), Path: "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// env is all that PostgreSQL sees of the environment: nothing of ours leaks into it.
func (c *cluster) env() []string {
	return []string{"PATH=" + c.bin.Dir + ":/usr/bin:/bin", "LC_ALL=C", "TZ=UTC"}
}

func (c *cluster) settings() []string {
	s := []string{
		"listen_addresses=127.0.0.1", "unix_socket_directories=", "timezone=UTC", "log_timezone=UTC",
		"max_connections=200", "shared_buffers=128MB", "password_encryption=scram-sha-256",
	}
	if c.cfg.Throwaway {
		s = append(s, "fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=500",
			"shared_buffers=64MB", "autovacuum_naptime=60s", "checkpoint_timeout=30min", "max_wal_size=2GB")
	}
	return s
}

// prepare finds the programs, the account and the port, and makes the data folder when there is none.
func prepare(ctx context.Context, cfg Config) (*cluster, error) {
	c := &cluster{cfg: cfg}
	var err error
	if c.account, err = runner(); err != nil {
		return nil, err
	}
	if err := c.account.canReach(cfg.Dir); err != nil {
		return nil, err
	}
	made, err := c.madeBy()
	if err != nil {
		return nil, err
	}
	if c.bin, err = choose(ctx, cfg.Cache, made); err != nil {
		return nil, err
	}
	if err := c.choosePort(); err != nil {
		return nil, err
	}
	if c.serverPassword, err = kept(filepath.Join(cfg.Dir, "server-password")); err != nil {
		return nil, err
	}
	if made == 0 {
		return c, c.initialise(ctx)
	}
	return c, c.readPassword()
}

// madeBy is the major version that made the data folder, 0 when there is none yet.
func (c *cluster) madeBy() (int, error) {
	raw, err := os.ReadFile(filepath.Join(c.data(), "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, folderFault(err, c.data())
	}
	v, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil {
		return 0, fault.Wrap(err, failure.Folder, "%s", c.data())
	}
	return v, nil
}

// choose finds programs of the version that made the data, any for new data, and fetches them when there are none.
func choose(ctx context.Context, cache string, made int) (Binaries, error) {
	if b, ok := Find(ctx, cache, made); ok {
		return b, nil
	}
	b, err := Fetch(ctx, cache, made)
	if err != nil && made != 0 {
		return b, fault.Wrap(err, failure.DataMajor, "PostgreSQL %d", made)
	}
	return b, err
}

func (c *cluster) choosePort() error {
	remembered := filepath.Join(c.cfg.Dir, "port")
	if c.cfg.Port != 0 {
		if c.port = c.cfg.Port; !portFree(c.port) {
			return fault.New(failure.PortBusy, "PostgreSQL, port %d", c.port)
		}
		return nil
	}
	if raw, err := os.ReadFile(remembered); err == nil {
		if p, err := strconv.Atoi(strings.TrimSpace(string(raw))); err == nil && portFree(p) {
			c.port = p
			return nil
		}
	}
	var err error
	if c.port, err = freePort(); err != nil {
		return err
	}
	if err := os.WriteFile(remembered, []byte(strconv.Itoa(c.port)+"\n"), 0o600); err != nil {
		return folderFault(err, c.cfg.Dir)
	}
	return nil
}

func (c *cluster) passwordPath() string { return filepath.Join(c.cfg.Dir, "password") }

// invent makes a password.
func invent() (string, error) {
	secret := make([]byte, 24)
	if _, err := rand.Read(secret); err != nil {
		return "", fault.Wrap(err, failure.Start, "")
	}
	return hex.EncodeToString(secret), nil
}

// kept is the password in a file, which is made when it is missing.
func kept(path string) (string, error) {
	raw, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(raw)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", folderFault(err, path)
	}
	password, err := invent()
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(path, []byte(password+"\n"), 0o600); err != nil {
		return "", folderFault(err, path)
	}
	return password, nil
}

func (c *cluster) readPassword() error {
	raw, err := os.ReadFile(c.passwordPath())
	if err != nil {
		return folderFault(err, c.passwordPath())
	}
	c.password = strings.TrimSpace(string(raw))
	return nil
}

// initialise runs initdb beside the final place and moves the result there, so that an initdb that was cut off
// leaves nothing that looks finished.
func (c *cluster) initialise(ctx context.Context) error {
	var err error
	if c.password, err = invent(); err != nil {
		return err
	}
	if err := os.WriteFile(c.passwordPath(), []byte(c.password+"\n"), 0o600); err != nil {
		return folderFault(err, c.cfg.Dir)
	}
	work := filepath.Join(c.cfg.Dir, "init")
	for _, old := range []string{work, c.data()} {
		if err := os.RemoveAll(old); err != nil {
			return folderFault(err, old)
		}
	}
	if err := os.Mkdir(work, 0o700); err != nil {
		return folderFault(err, work)
	}
	defer os.RemoveAll(work)
	pwfile := filepath.Join(work, "password")
	if err := os.WriteFile(pwfile, []byte(c.password+"\n"), 0o600); err != nil {
		return folderFault(err, work)
	}
	for _, p := range []string{work, pwfile} {
		if err := c.account.own(p); err != nil {
			return folderFault(err, p)
		}
	}
	fresh := filepath.Join(work, "data")
	args := []string{
		"-D", fresh, "-U", owner, "--pwfile=" + pwfile, "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C",
	}
	if c.cfg.Throwaway {
		args = append(args, "--no-sync")
	}
	cmd := exec.CommandContext(ctx, filepath.Join(c.bin.Dir, "initdb"), args...)
	cmd.Dir, cmd.Env = work, c.env()
	cmd.SysProcAttr = c.account.attributes()
	dieWithParent(cmd.SysProcAttr)
	if out, err := cmd.CombinedOutput(); err != nil {
		return c.diagnose(errors.Join(err, errors.New(string(out))), string(out))
	}
	if err := os.Rename(fresh, c.data()); err != nil {
		return folderFault(err, c.data())
	}
	return nil
}

// diagnose turns what PostgreSQL said on its way down into a fault that a person understands.
func (c *cluster) diagnose(cause error, said string) error {
	switch {
	case isDiskFull(said):
		return fault.Wrap(cause, failure.DiskFull, "%s", c.cfg.Dir)
	case strings.Contains(said, "Address already in use"):
		return fault.Wrap(cause, failure.PortBusy, "PostgreSQL, port %d", c.port)
	case strings.Contains(said, "incompatible with server"):
		return fault.Wrap(cause, failure.DataMajor, "%s", c.data())
	}
	return fault.Wrap(cause, failure.Start, "%s", c.logPath())
}

func isDiskFull(said string) bool {
	said = strings.ToLower(said)
	return strings.Contains(said, "no space left on device") || strings.Contains(said, "disk quota exceeded")
}

func isSharedMemory(said string) bool {
	return strings.Contains(said, "shared memory block") || strings.Contains(said, "is still in use")
}

func portFree(port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fault.Wrap(err, failure.Start, "no free port")
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
