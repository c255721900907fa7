package offline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

const (
	// asidePrefix begins the name of a folder, within the store's, that holds a damaged store.
	asidePrefix = "damaged-"
	// asideNote, within that folder, says what of it went into the store that came after.
	asideNote = "taken-over.json"
)

// Aside is a damaged store that is kept.
type Aside struct {
	Dir string `json:"-"`
	// TakenOver tells whether what could be read of it went into the store that came after; then Actions and Files count
	// that.
	TakenOver bool      `json:"-"`
	At        time.Time `json:"at"`
	Actions   int       `json:"actions"`
	Files     int       `json:"files"`
}

// Asides lists the damaged stores that are kept in a store's folder, oldest first.
func Asides(dir string) (out []Aside, err error) {
	found, err := os.ReadDir(dir)
	if err != nil {
		return nil, unusable(err, dir)
	}
	for _, f := range found {
		if !f.IsDir() || !strings.HasPrefix(f.Name(), asidePrefix) {
			continue
		}
		a := Aside{Dir: filepath.Join(dir, f.Name())}
		if b, err := os.ReadFile(filepath.Join(a.Dir, asideNote)); err == nil {
			a.TakenOver = json.Unmarshal(b, &a) == nil
		}
		out = append(out, a)
	}
	return out, nil
}

// SetAside moves a damaged store into a folder of its own within o.Dir, where nothing touches it, so that Open makes a
// new one. No program may have the store open. Enrol takes over what can be read of it, and SalvageTo writes that into
// a black box.
func SetAside(o Options) (where string, err error) {
	unlock, err := lock(filepath.Join(o.Dir, "lock"), false)
	if err != nil {
		return "", err
	}
	where = filepath.Join(o.Dir, asidePrefix+o.Now().UTC().Format("20060102T150405Z")+"-"+uuid.NewString()[:4])
	err = os.Mkdir(where, 0o700)
	// The database goes last: while it is there, the store counts as damaged, and setting aside can be repeated.
	for _, name := range []string{"files", spareName, storeName + "-shm", storeName + "-wal", storeName} {
		if moved := os.Rename(filepath.Join(o.Dir, name), filepath.Join(where, name)); !errors.Is(moved, os.ErrNotExist) {
			err = errors.Join(err, moved)
		}
	}
	if err = errors.Join(err, unlock()); err != nil {
		return where, unusable(err, where)
	}
	return where, nil
}

// SalvageTo writes the unsent work that can be read of a damaged store in dir to w, as Export does.
func SalvageTo(ctx context.Context, dir string, now time.Time, w io.Writer, passphrase string) (Box, error) {
	if len(passphrase) < minPhrase {
		return Box{}, fault.New(fault.BoxPassphrase, "%d", minPhrase)
	}
	b, err := salvage(ctx, dir)
	if err != nil {
		return Box{}, err
	}
	b.Made = now.UTC()
	return b, writeBox(w, passphrase,
		b, func(id uuid.UUID) (*os.File, error) { return os.Open(filepath.Join(dir, "files", id.String())) })
}

// salvage reads what can be read of the unsent work of a damaged store: the spare copy, and each row that the database
// still gives. What the database says is with the server is left out; sending something twice is safe.
func salvage(ctx context.Context, dir string) (Box, error) {
	kept, err := readSpares(dir)
	if err != nil {
		return Box{}, unusable(err, dir)
	}
	var b Box
	work := map[uuid.UUID]boxedWork{}
	files := map[uuid.UUID]boxedBytes{}
	var order []uuid.UUID
	put := func(w boxedWork) {
		if _, ok := work[w.ID]; !ok {
			order = append(order, w.ID)
			work[w.ID] = w
		}
	}
	for _, r := range kept {
		b.Org, b.User, b.UserName = r.Org, r.User, r.UserName
		put(r.Work)
		for _, f := range r.Files {
			files[f.ID] = f
		}
	}
	rows := readRows(ctx, dir)
	if b.User == uuid.Nil {
		b.Org, b.User, b.UserName = rows.device.Org, rows.device.User, rows.device.UserName
	}
	for _, a := range rows.actions {
		if a.Waits || rows.holdsFileOf(a.ID) {
			put(boxedWork{ID: a.ID, Kind: a.Kind, Args: a.Args, At: a.DeviceTime})
		} else {
			delete(work, a.ID)
		}
	}
	for _, f := range rows.files {
		if f.State == FileWaiting || f.State == FileHeld {
			files[f.ID] = boxedBytes{ID: f.ID, Mutation: f.Mutation, SHA256: f.SHA256, Size: f.Size, Media: f.Media}
		} else {
			delete(files, f.ID)
		}
	}
	for _, id := range order {
		if w, ok := work[id]; ok {
			b.Mutations = append(b.Mutations, w)
		}
	}
	// In the order in which it was done: ids are made in the order of time.
	slices.SortStableFunc(b.Mutations, func(x, y boxedWork) int { return bytes.Compare(x.ID[:], y.ID[:]) })
	for _, f := range files {
		if _, ok := work[f.Mutation]; ok && whole(filepath.Join(dir, "files", f.ID.String()), f) {
			b.Files = append(b.Files, f)
		}
	}
	slices.SortFunc(b.Files, func(x, y boxedBytes) int { return bytes.Compare(x.ID[:], y.ID[:]) })
	return b, nil
}

// whole tells whether the bytes of a file are those that were kept.
func whole(path string, f boxedBytes) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, file)
	return err == nil && n == f.Size && bytes.Equal(sum.Sum(nil), f.SHA256)
}

// rows is what a damaged database still gives.
type rows struct {
	device  Device
	actions []Action
	files   []File
}

func (r rows) holdsFileOf(mutation uuid.UUID) bool {
	return slices.ContainsFunc(r.files, func(f File) bool {
		return f.Mutation == mutation && (f.State == FileWaiting || f.State == FileHeld)
	})
}

// mostRows bounds how many rows are looked for one by one.
const mostRows = 100_000

// readRows reads a copy of the database, so that reading changes nothing of what is kept. Whatever fails is left out.
func readRows(ctx context.Context, dir string) (out rows) {
	scratch, err := os.MkdirTemp(dir, "reading-")
	if err != nil {
		return out
	}
	defer os.RemoveAll(scratch)
	for _, name := range []string{storeName, storeName + "-wal"} {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err == nil &&
			os.WriteFile(filepath.Join(scratch, name), b, 0o600) != nil {
			return out
		}
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(scratch, storeName)+"?"+
		url.Values{"_pragma": {"writable_schema(ON)"}}.Encode())
	if err != nil {
		return out
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if d, err := deviceOf(ctx, db); err == nil {
		out.device = d
	}
	seen := map[uuid.UUID]bool{}
	take := func(query string, args ...any) int {
		before := len(out.actions)
		_ = eachAction(ctx, db, func(a Action) error {
			if !seen[a.ID] {
				seen[a.ID] = true
				out.actions = append(out.actions, a)
			}
			return nil
		}, query, args...)
		return len(out.actions) - before
	}
	// From both ends up to the damage, then what is left one by one.
	if err := eachAction(ctx,
		db, func(a Action) error { seen[a.ID] = true; out.actions = append(out.actions, a); return nil },
		`ORDER BY n`); err != nil {
		take(`ORDER BY n DESC`)
		var last sql.NullInt64
		if err := db.QueryRowContext(ctx, `SELECT max(n) FROM outbox`).Scan(&last); err == nil && last.Int64 < mostRows {
			for n := range last.Int64 {
				take(`WHERE n = ?`, n+1)
			}
		}
	}
	known := map[uuid.UUID]bool{}
	for _, query := range []string{`ORDER BY id`, `ORDER BY id DESC`} {
		_ = eachFile(ctx, db, func(f File) error {
			if !known[f.ID] {
				known[f.ID] = true
				out.files = append(out.files, f)
			}
			return nil
		}, query)
	}
	return out
}

// takeOver brings the unsent work of damaged stores into this one, which has just been enrolled. Another person's stays
// where it is.
func (s *Store) takeOver(ctx context.Context) error {
	found, err := Asides(s.Dir)
	if err != nil {
		return err
	}
	d, err := s.Device(ctx)
	if err != nil {
		return err
	}
	for _, a := range found {
		if a.TakenOver {
			continue
		}
		b, err := salvage(ctx, a.Dir)
		if err != nil {
			return err
		}
		if b.Org != uuid.Nil && b.Org != d.Org || b.User != uuid.Nil && b.User != d.User {
			continue
		}
		b.Made = s.Now().UTC()
		if err := s.takeOverOne(ctx, a.Dir, b); err != nil {
			return err
		}
		note, err := json.Marshal(Aside{At: b.Made, Actions: len(b.Mutations), Files: len(b.Files)})
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(a.Dir, asideNote), note, 0o600); err != nil {
			return unusable(err, a.Dir)
		}
	}
	return nil
}

func (s *Store) takeOverOne(ctx context.Context, dir string, b Box) error {
	for _, f := range b.Files {
		bytes, err := os.Open(filepath.Join(dir, "files", f.ID.String()))
		if err != nil {
			return unusable(err, dir)
		}
		if err := errors.Join(s.importFile(ctx, bytes, f), bytes.Close()); err != nil {
			return err
		}
	}
	return s.importBox(ctx, &b)
}
