package day

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	"github.com/doorstep-dev/doorstep/internal/port"
	"github.com/doorstep-dev/doorstep/internal/s3test"
	"github.com/doorstep-dev/doorstep/server/local/child"
)

func TestMain(m *testing.M) {
	child.Main()
	os.Exit(m.Run())
}

// built is the binary, built once for all tests of this package.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "doorstep-day-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "doorstep")
	out, err := exec.Command("go", "build", "-o", path, "../../server").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, out)
	}
	return path, err
})

// installation is a database, a store and the binary that serves them.
type installation struct {
	t      *testing.T
	binary string
	env    []string
	owner  string // the database's URL as its owner, whom no server knows
	secret string // the file of the root secret
	listen string
	// public is where phones reach the server: its own address, or what stands before it.
	public string
	mu     sync.Mutex
	cmd    *exec.Cmd
	log    bytes.Buffer
}

// install makes one on a database that its owner reaches at ownerURL.
func install(t *testing.T, ownerURL string, bucket *s3test.Bucket) *installation {
	t.Helper()
	in := unmigrated(t, ownerURL, bucket)
	in.run("migrate")
	return in
}

// unmigrated is install without the database's tables.
func unmigrated(t *testing.T, ownerURL string, bucket *s3test.Bucket) *installation {
	t.Helper()
	binary, err := built()
	if err != nil {
		t.Fatal(err)
	}
	in := &installation{t: t, binary: binary, owner: ownerURL, listen: fmt.Sprintf("127.0.0.1:%d", port.Stable(t))}
	in.secret = filepath.Join(t.TempDir(), "secret")
	in.env = append(os.Environ(),
		"DOORSTEP_DATABASE_URL="+pgtest.ServerURL(ownerURL), "DOORSTEP_SECRET_FILE="+in.secret, "DOORSTEP_LISTEN="+in.listen,
		"DOORSTEP_S3_ENDPOINT="+bucket.Endpoint, "DOORSTEP_S3_BUCKET="+bucket.Name, "DOORSTEP_S3_REGION="+bucket.Region,
		"DOORSTEP_S3_ACCESS_KEY="+bucket.AccessKey, "DOORSTEP_S3_SECRET_KEY="+bucket.SecretKey, "LANG=en_US.UTF-8",
	)
	in.public = in.url()
	in.run("admin", "secret", in.secret)
	in.endWithTest()
	return in
}

// beside is another replica of the same installation, that reaches the database at its own address.
func (in *installation) beside(databaseURL string) *installation {
	in.t.Helper()
	r := &installation{t: in.t, binary: in.binary, owner: in.owner, listen: fmt.Sprintf("127.0.0.1:%d", port.Stable(in.t))}
	r.env = append(slices.Clone(in.env), "DOORSTEP_DATABASE_URL="+databaseURL, "DOORSTEP_LISTEN="+r.listen)
	r.public = r.url()
	r.endWithTest()
	return r
}

func (in *installation) endWithTest() {
	in.t.Cleanup(func() {
		in.kill()
		if in.t.Failed() {
			log := in.log.String()
			in.t.Logf("the end of the log of %s:\n%s", in.listen, log[max(0, len(log)-6000):])
		}
	})
}

// drain asks the server to end in good order and waits until it has.
func (in *installation) drain() {
	in.t.Helper()
	in.mu.Lock()
	defer in.mu.Unlock()
	if err := in.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		in.t.Error(err)
	}
	if err := in.cmd.Wait(); err != nil {
		in.t.Errorf("a server that was asked to end: %v", err)
	}
	in.cmd = nil
}

func (in *installation) url() string { return "http://" + in.listen }

// run runs a command to its end and returns what it printed.
func (in *installation) run(args ...string) string {
	in.t.Helper()
	cmd := exec.CommandContext(in.t.Context(), in.binary, args...)
	cmd.Env = append(slices.Clone(in.env), "DOORSTEP_OWNER_DATABASE_URL="+in.owner)
	out, err := cmd.CombinedOutput()
	if err != nil {
		in.t.Fatalf("doorstep %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// serve starts the server and returns when it says that it is ready.
func (in *installation) serve() {
	in.t.Helper()
	in.start()
	await(in.t, "the server to be ready", in.ready)
}

// start starts the server, and does not wait for it.
func (in *installation) start() {
	in.t.Helper()
	in.mu.Lock()
	defer in.mu.Unlock()
	in.cmd = exec.Command(in.binary, "serve", "--metrics-listen", "127.0.0.1:0")
	in.cmd.Env = in.env
	in.cmd.Stdout, in.cmd.Stderr = &in.log, &in.log
	if err := in.cmd.Start(); err != nil {
		in.t.Fatal(err)
	}
}

// ready asks the server whether it is ready.
func (in *installation) ready() bool {
	prober := http.Client{Timeout: 2 * time.Second}
	res, err := prober.Get(in.url() + "/readyz")
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// signal sends the server a signal.
func (in *installation) signal(s os.Signal) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.cmd != nil {
		_ = in.cmd.Process.Signal(s) // one that has ended hears nothing, which is what its test finds out
	}
}

// kill ends the server with kill -9.
func (in *installation) kill() {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.cmd != nil {
		_ = in.cmd.Process.Kill()
		_ = in.cmd.Wait() // killed is what it was
		in.cmd = nil
	}
}

// await asks until the answer is yes. It is how a test waits for another process; nothing depends on its pace.
func await(t *testing.T, what string, yes func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !yes() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("gave up waiting for %s", what)
		}
	}
}
