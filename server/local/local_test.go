package local_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/doorstep-dev/doorstep/internal/storeprogram"
	"github.com/doorstep-dev/doorstep/server/local"
	"github.com/doorstep-dev/doorstep/server/local/failure"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// actParent makes this binary play the part of `doorstep demo`, to be killed.
const actParent = "DOORSTEP_TEST_PARENT"

func TestMain(m *testing.M) {
	local.RunChild()
	var err error
	if storeProgram, err = storeprogram.Build(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if dir := os.Getenv(actParent); dir != "" {
		os.Exit(parent(dir))
	}
	os.Exit(m.Run())
}

// storeProgram is the path of doorstep-store.
var storeProgram string

func parent(dir string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	s, err := local.Start(ctx, local.Config{Dir: dir, StoreProgram: storeProgram})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := json.NewEncoder(os.Stdout).Encode(s); err != nil {
		return 1
	}
	<-ctx.Done()
	if err := s.Stop(context.Background()); err != nil {
		return 1
	}
	return 0
}

// folder is an empty data folder that PostgreSQL's account can reach when the tests run as root.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "doorstep-local-") //nolint:usetesting // t.TempDir lies in a folder that is root's alone
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func start(t *testing.T, cfg local.Config) *local.Services {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cfg.StoreProgram = storeProgram
	s, err := local.Start(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, s) })
	return s
}

func stop(t *testing.T, s *local.Services) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.Stop(ctx); err != nil && !errors.Is(err, os.ErrClosed) {
		t.Error(err)
	}
	for _, pid := range s.PIDs {
		gone(t, pid)
	}
}

// gone waits until a process has ended, which nobody tells us who are not its parent.
func gone(t *testing.T, pid int) {
	t.Helper()
	limit := time.After(30 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) && !zombie(pid) {
		select {
		case <-limit:
			t.Fatalf("process %d is left behind", pid)
		case <-tick.C:
		}
	}
}

// zombie tells whether a process has ended but is not collected: an orphan below an init that does not reap.
func zombie(pid int) bool {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, ok := strings.Cut(string(raw), ") ")
	return ok && strings.HasPrefix(rest, "Z")
}

func query(t *testing.T, url, sql string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for ; ; <-tick.C {
		c, err := pgx.Connect(ctx, url)
		if err == nil {
			var v string
			err = c.QueryRow(ctx, sql).Scan(&v)
			if err := c.Close(ctx); err != nil {
				t.Fatal(err)
			}
			if err == nil {
				return v
			}
		}
		if ctx.Err() != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}

func client(t *testing.T, s *local.Services) *minio.Client {
	t.Helper()
	c, err := minio.New(s.S3.Endpoint, &minio.Options{
		Creds: credentials.NewStaticV4(s.S3.AccessKey, s.S3.SecretKey, ""), Region: s.S3.Region,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDataIsThereAgainAfterAStop(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	first := start(t, local.Config{Dir: dir})
	if _, err := pgxExec(t, first.OwnerURL, "CREATE TABLE kept (v text)"); err != nil {
		t.Fatal(err)
	}
	if _, err := pgxExec(t, first.OwnerURL, "INSERT INTO kept VALUES ('上门')"); err != nil {
		t.Fatal(err)
	}
	_, err := client(t, first).PutObject(t.Context(), first.S3.Bucket, "kept",
		strings.NewReader("x"), 1, minio.PutObjectOptions{})
	if err != nil {
		t.Fatal(err)
	}
	stop(t, first)
	second := start(t, local.Config{Dir: dir})
	if second.OwnerURL != first.OwnerURL || second.S3 != first.S3 {
		t.Errorf("addresses changed: %+v, %+v", first, second)
	}
	if v := query(t, second.OwnerURL, "SELECT v FROM kept"); v != "上门" {
		t.Errorf("the database holds %q", v)
	}
	if _, err := client(t, second).StatObject(t.Context(), second.S3.Bucket, "kept", minio.StatObjectOptions{}); err !=
		nil {
		t.Error(err)
	}
	stop(t, second)
	if err := local.Clean(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("clean left the folder: %v", err)
	}
}

func pgxExec(t *testing.T, url, sql string) (string, error) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), url)
	if err != nil {
		return "", err
	}
	defer c.Close(t.Context())
	tag, err := c.Exec(t.Context(), sql)
	return tag.String(), err
}

func runParent(t *testing.T, dir string) (*exec.Cmd, *local.Services) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), actParent+"="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	s := &local.Services{}
	if err := json.Unmarshal(line, s); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return cmd, s
}

func TestNoProcessOutlivesAParent(t *testing.T) {
	t.Parallel()
	for _, how := range []struct {
		name string
		end  func(parent *exec.Cmd) error
	}{
		{"that is killed", func(p *exec.Cmd) error { return p.Process.Kill() }},
		{"that gets Ctrl-C with its group", func(p *exec.Cmd) error { return syscall.Kill(-p.Process.Pid, syscall.SIGINT) }},
		{"whose group is killed", func(p *exec.Cmd) error { return syscall.Kill(-p.Process.Pid, syscall.SIGKILL) }},
	} {
		t.Run(how.name, func(t *testing.T) {
			t.Parallel()
			dir := folder(t)
			cmd, s := runParent(t, dir)
			if _, err := pgxExec(t, s.OwnerURL, "CREATE TABLE kept AS SELECT 'yes' AS v"); err != nil {
				t.Fatal(err)
			}
			if err := how.end(cmd); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // a killed parent has no good exit code
			again := start(t, local.Config{Dir: dir})
			for _, pid := range s.PIDs {
				gone(t, pid)
			}
			if v := query(t, again.OwnerURL, "SELECT v FROM kept"); v != "yes" {
				t.Errorf("the database holds %q", v)
			}
		})
	}
}

func TestStartsAgainAfterEverythingWasKilled(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	cmd, s := runParent(t, dir)
	if _, err := pgxExec(t, s.OwnerURL, "CREATE TABLE kept AS SELECT 'yes' AS v"); err != nil {
		t.Fatal(err)
	}
	for _, pid := range append([]int{cmd.Process.Pid}, s.PIDs...) {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	_ = cmd.Wait() // killed
	again := start(t, local.Config{Dir: dir})
	if v := query(t, again.OwnerURL, "SELECT v FROM kept"); v != "yes" {
		t.Errorf("the database holds %q", v)
	}
}

func TestKilledSupervisorTakesPostgreSQLWithIt(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self"); err != nil {
		t.Skip("only Linux ends a process with its parent; elsewhere the next start does it")
	}
	s := start(t, local.Config{Dir: folder(t)})
	if err := syscall.Kill(s.PIDs[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	gone(t, s.PIDs[1])
	if err := <-s.Failed(); fault.CodeOf(err) != failure.Start {
		t.Errorf("said %v", err)
	}
}

func TestKilledPostgreSQLIsStartedAgain(t *testing.T) {
	t.Parallel()
	s := start(t, local.Config{Dir: folder(t)})
	if _, err := pgxExec(t, s.OwnerURL, "CREATE TABLE kept AS SELECT 'yes' AS v"); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(s.PIDs[1], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	gone(t, s.PIDs[1])
	if v := query(t, s.OwnerURL, "SELECT v FROM kept"); v != "yes" {
		t.Errorf("the database holds %q", v)
	}
}

func refused(t *testing.T, cfg local.Config, want fault.Code) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cfg.StoreProgram = storeProgram
	s, err := local.Start(ctx, cfg)
	if err == nil {
		stop(t, s)
	}
	if fault.CodeOf(err) != want {
		t.Fatalf("got %v, want %s", err, want)
	}
	t.Log(fault.As(err).Public("en"))
	t.Log(fault.As(err).Public("zh"))
}

func TestSecondStartOnTheSameFolderIsRefused(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := start(t, local.Config{Dir: dir})
	refused(t, local.Config{Dir: dir}, failure.Running)
	if err := local.Clean(dir); fault.CodeOf(err) != failure.Running {
		t.Errorf("clean of a running one: %v", err)
	}
	query(t, s.OwnerURL, "SELECT 'still there'")
}

func TestBusyPortIsRefused(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	refused(t, local.Config{Dir: folder(t), PostgresPort: port}, failure.PortBusy)
	refused(t, local.Config{Dir: folder(t), StorePort: port}, failure.PortBusy)
}

func TestDataOfAnotherMajorIsRefused(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	data := filepath.Join(dir, "postgres", "data")
	if err := os.MkdirAll(data, 0o711); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte("11\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, local.Config{Dir: dir}, failure.DataMajor)
}

func TestFullDiskIsRefused(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=16m,mode=711", "tmpfs", dir).CombinedOutput(); err !=
		nil {
		t.Skipf("no right to mount a small disk: %s", out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("%s", out)
		}
	})
	refused(t, local.Config{Dir: dir}, failure.DiskFull)
}

func TestStalePIDOfALivingStrangerDoesNotHinder(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := start(t, local.Config{Dir: dir})
	stop(t, s)
	stale := fmt.Sprintf("%d\n%s\n", os.Getpid(), filepath.Join(dir, "postgres", "data"))
	if err := os.WriteFile(filepath.Join(dir, "postgres", "data", "postmaster.pid"), []byte(stale), 0o600); err != nil {
		t.Fatal(err)
	}
	start(t, local.Config{Dir: dir})
}

func TestRootsClosedFolderIsReplacedAndSaid(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root runs PostgreSQL as another")
	}
	dir := filepath.Join(t.TempDir(), "data") // below a folder that only root may enter
	var said string
	s := start(t, local.Config{Dir: dir, Note: func(en, _ string) { said = en }})
	if !strings.Contains(said, s.PostgresDir) || strings.HasPrefix(s.PostgresDir, dir) {
		t.Errorf("said %q, data in %s", said, s.PostgresDir)
	}
	stop(t, s)
	if err := local.Clean(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(s.PostgresDir); !os.IsNotExist(err) {
		t.Errorf("clean left %s: %v", s.PostgresDir, err)
	}
}
