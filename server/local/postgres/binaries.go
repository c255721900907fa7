package postgres

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"

	"github.com/doorstep-dev/doorstep/server/local/failure"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// OldestMajor is the oldest PostgreSQL that the schema works on.
const OldestMajor = 15

// Binaries is a folder that holds initdb and postgres of one major version.
type Binaries struct {
	Dir   string `json:"dir"`
	Major int    `json:"major"`
}

// Find looks for PostgreSQL's programs on this machine: in PATH, beside pg_config, in Debian's, Homebrew's and
// Postgres.app's folders, and in cache (see Fetch). With major 0 the newest is taken, else exactly that major.
// ok is false when there is none.
func Find(ctx context.Context, cache string, major int) (b Binaries, ok bool) {
	var dirs []string
	if p, err := exec.LookPath("postgres"); err == nil {
		if real, err := filepath.EvalSymlinks(p); err == nil {
			p = real
		}
		dirs = append(dirs, filepath.Dir(p))
	}
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin",
		"/usr/local/opt/postgresql@*/bin", "/Applications/Postgres.app/Contents/Versions/*/bin",
		filepath.Join(cache, "*", "bin"),
	} {
		found, err := filepath.Glob(pattern)
		if err == nil {
			dirs = append(dirs, found...)
		}
	}
	var all []Binaries
	for _, dir := range dirs {
		if v := majorOf(ctx, dir); v >= OldestMajor && (major == 0 || v == major) {
			all = append(all, Binaries{Dir: dir, Major: v})
		}
	}
	if len(all) == 0 {
		return Binaries{}, false
	}
	return slices.MaxFunc(all, func(a, b Binaries) int { return a.Major - b.Major }), true
}

var version = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// majorOf is the major version of the programs in dir; 0 when initdb or postgres is missing or does not run.
func majorOf(ctx context.Context, dir string) int {
	if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
		return 0
	}
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return 0
	}
	m := version.FindSubmatch(out)
	if m == nil {
		return 0
	}
	major, err := strconv.Atoi(string(m[1]))
	if err != nil {
		return 0
	}
	return major
}

// downloads are the versions that Fetch can bring, by major.
var downloads = map[int]embeddedpostgres.PostgresVersion{
	15: embeddedpostgres.V15, 16: embeddedpostgres.V16, 17: embeddedpostgres.V17, 18: embeddedpostgres.V18,
}

// Fetch downloads PostgreSQL's programs (about 10 MB from Maven Central) into cache, once. major 0 is the
// default, 17. The folder must be readable to the account that will run them.
func Fetch(ctx context.Context, cache string, major int) (Binaries, error) {
	if major == 0 {
		major = 17
	}
	v, ok := downloads[major]
	if !ok {
		return Binaries{}, fault.New(failure.ToolMissing, "PostgreSQL %d", major)
	}
	dir := filepath.Join(cache, strconv.Itoa(major))
	scratch := filepath.Join(cache, ".scratch")
	defer os.RemoveAll(scratch)
	// The library can only fetch as a part of starting. A locale that does not exist ends its initdb, after the
	// fetch and before anything runs; the database itself is started by this package.
	port, err := freePort()
	if err != nil {
		return Binaries{}, err
	}
	failed := embeddedpostgres.NewDatabase(embeddedpostgres.DefaultConfig().Version(v).Port(uint32(port)).
		CachePath(filepath.Join(cache, ".archive")).BinariesPath(dir).RuntimePath(scratch).
		Locale("fetch_only").Logger(discard{})).Start()
	bin := filepath.Join(dir, "bin")
	if got := majorOf(ctx, bin); got != major {
		return Binaries{}, fault.Wrap(failed, failure.ToolMissing,
			"PostgreSQL %d for %s/%s", major, runtime.GOOS, runtime.GOARCH)
	}
	if err := readable(dir); err != nil {
		return Binaries{}, err
	}
	return Binaries{Dir: bin, Major: major}, nil
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// readable lets every account read and run what is under dir.
func readable(dir string) error {
	return filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.Type()&os.ModeSymlink != 0 {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		add := os.FileMode(0o044)
		if d.IsDir() || info.Mode()&0o100 != 0 {
			add = 0o055
		}
		if err := os.Chmod(path, info.Mode().Perm()|add); err != nil {
			return fmt.Errorf("postgres: %w", err)
		}
		return nil
	})
}
