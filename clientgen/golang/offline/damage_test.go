package offline_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/synctest"
)

// harmed is a phone with work that nobody else has, whose store is closed to be damaged.
type harmed struct {
	o      *office
	shelf  *shelf
	dir    string
	user   uuid.UUID
	item   uuid.UUID
	unsent int
	photo  offline.Kept
}

func harm(t *testing.T) *harmed {
	t.Helper()
	o := openOffice(t)
	user, items := o.worker(t, 30)
	p := o.phoneIn(t, memoryDir(t), user, nil)
	h := &harmed{o: o, shelf: openShelf(t), dir: p.Store.Dir, user: user, item: items[0]}
	p.Uploads = h.shelf
	p.do("add", synctest.Args{Item: h.item})
	p.sync()
	for range 40 { // some pages of it
		p.do("add", synctest.Args{Item: h.item})
		h.unsent++
	}
	h.photo = p.photo(h.shelf, 3000)
	h.unsent++
	if err := p.Store.Close(); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *harmed) store() string { return filepath.Join(h.dir, "store.db") }

// goesOn sees that the phone can be enrolled anew in the same folder and that all it had reaches the office once.
func (h *harmed) goesOn(t *testing.T) {
	t.Helper()
	aside, err := offline.SetAside(h.o.options(h.dir))
	if err != nil {
		t.Fatal(err)
	}
	p := h.o.phoneIn(t, h.dir, h.user, nil)
	p.Uploads = h.shelf
	if u, err := p.Store.Unsent(t.Context()); err != nil || u.Mutations < h.unsent || u.Files != 1 {
		t.Errorf("taken over: %+v %v, want %d", u, err, h.unsent)
	}
	p.sync()
	if u, err := p.Store.Unsent(t.Context()); err != nil || !u.Empty() {
		t.Errorf("%+v %v", u, err)
	}
	if got := h.o.count(t, h.item); got != h.unsent { // the photo counts nothing, the first is with the office
		t.Errorf("counted %d, want %d", got, h.unsent)
	}
	found, err := offline.Asides(h.dir)
	if err != nil || len(found) != 1 || !found[0].TakenOver || found[0].Dir != aside {
		t.Errorf("%+v %v", found, err)
	}
}

func TestADamagedStoreSaysSoIsKeptAndItsWorkGoesOn(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(t *testing.T, path string){
		"cut to half":     func(t *testing.T, path string) { must(t, os.Truncate(path, size(t, path)/2)) },
		"cut to one page": func(t *testing.T, path string) { must(t, os.Truncate(path, 4096)) },
		"empty":           func(t *testing.T, path string) { must(t, os.Truncate(path, 0)) },
		"gone":            func(t *testing.T, path string) { must(t, os.Remove(path)) },
		"another file": func(t *testing.T, path string) {
			must(t, os.WriteFile(path, bytes.Repeat([]byte("not a store "), 9999), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := harm(t)
			damage(t, h.store())
			s, err := offline.Open(t.Context(), h.o.options(h.dir))
			if err == nil { // the part that opening reads is whole
				_, err = s.Actions(t.Context())
				must(t, s.Close())
			}
			if offline.CodeOf(err) != fault.StoreDamaged {
				t.Fatal(err)
			}
			if says := offline.Sentence(err, "en"); !strings.Contains(says, "damaged") || strings.Contains(says, "full") {
				t.Error(says)
			}
			h.goesOn(t)
		})
	}
}

func TestADamagedStoresWorkOpensAsABoxOnAnotherPhone(t *testing.T) {
	t.Parallel()
	h := harm(t)
	must(t, os.Truncate(h.store(), size(t, h.store())/2))
	var box bytes.Buffer
	b, err := offline.SalvageTo(t.Context(), h.dir, h.o.options(h.dir).Now(), &box, "basement 3")
	if err != nil || len(b.Mutations) < h.unsent || len(b.Files) != 1 {
		t.Fatalf("%d actions, %d files, %v", len(b.Mutations), len(b.Files), err)
	}
	other := h.o.phone(t, h.user, nil)
	other.Uploads = h.shelf
	if _, err := other.Store.Import(t.Context(), &box, "basement 3"); err != nil {
		t.Fatal(err)
	}
	other.sync()
	if got := h.o.count(t, h.item); got != h.unsent { // the photo counts nothing, the first is with the office
		t.Errorf("counted %d, want %d", got, h.unsent)
	}
}

// The log of the database is a file of its own; whoever tidies up or restores one file of two takes the last actions
// away.
func TestActionsThatTheDatabaseLostComeBackUnderTheirNumbers(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	user, items := o.worker(t, 1)
	p := o.phone(t, user, nil)
	p.do("add", synctest.Args{Item: items[0]})
	p.sync()
	must(t, p.Store.Close())
	old, err := os.ReadFile(filepath.Join(p.Store.Dir, "store.db"))
	must(t, err)
	again := o.open(t, p.Store.Dir, nil)
	for range 3 {
		again.do("add", synctest.Args{Item: items[0]})
	}
	before, err := again.Store.Actions(t.Context())
	must(t, err)
	must(t, again.Store.Close())
	must(t, os.WriteFile(filepath.Join(p.Store.Dir, "store.db"), old, 0o600))
	back := o.open(t, p.Store.Dir, nil)
	after, err := back.Store.Actions(t.Context())
	must(t, err)
	if len(after) != len(before) {
		t.Fatalf("%d of %d actions", len(after), len(before))
	}
	for i := range after {
		if after[i].ID != before[i].ID || after[i].Seq != before[i].Seq || !bytes.Equal(after[i].Args, before[i].Args) {
			t.Errorf("%+v, was %+v", after[i].Mutation, before[i].Mutation)
		}
	}
	back.sync()
	if got := o.count(t, items[0]); got != 4 {
		t.Errorf("counted %d", got)
	}
}

// Wherever bytes of the database are overwritten: what the store gives is what was saved, or it says that it is
// damaged; and the work is there in any case.
func TestRandomBytesInTheDatabaseNeverChangeWhatWasDone(t *testing.T) {
	t.Parallel()
	h := harm(t)
	s, err := offline.Open(t.Context(), h.o.options(h.dir))
	must(t, err)
	want, err := s.Actions(t.Context())
	must(t, err)
	must(t, s.Close())
	whole, err := os.ReadFile(h.store())
	must(t, err)
	spare, err := os.ReadFile(filepath.Join(h.dir, "work.log"))
	must(t, err)
	noticed := 0
	const tries = 150
	for n := range tries {
		random := rand.New(rand.NewPCG(uint64(n), 11))
		dir := memoryDir(t)
		broken := slices.Clone(whole)
		at := random.IntN(len(broken))
		for i := at; i < min(at+1+random.IntN(64), len(broken)); i++ {
			broken[i] = byte(random.Uint32())
		}
		must(t, os.WriteFile(filepath.Join(dir, "store.db"), broken, 0o600))
		must(t, os.WriteFile(filepath.Join(dir, "work.log"), spare, 0o600))
		s, err := offline.Open(t.Context(), h.o.options(dir))
		var got []offline.Action
		if err == nil {
			if got, err = s.Actions(t.Context()); err == nil {
				err = s.Check(t.Context())
			}
			must(t, s.Close())
		}
		switch {
		case offline.CodeOf(err) == fault.StoreDamaged:
			noticed++
		case offline.CodeOf(err) == fault.StoreUnusable && strings.Contains(offline.Sentence(err, "en"), "newer app"):
			noticed++ // the bytes that hold the version
		case err != nil:
			t.Errorf("try %d, byte %d: %v", n, at, err)
		case len(got) != len(want):
			t.Errorf("try %d, byte %d: %d actions of %d, and no word", n, at, len(got), len(want))
		}
		for _, a := range got {
			i := slices.IndexFunc(want, func(w offline.Action) bool { return w.ID == a.ID })
			if i < 0 || !bytes.Equal(a.Args, want[i].Args) || a.Kind != want[i].Kind || !a.DeviceTime.Equal(want[i].DeviceTime) {
				t.Errorf("try %d, byte %d: changed work is given as what was done: %+v", n, at, a.Mutation)
			}
		}
		b, err := offline.Salvage(t.Context(), dir)
		if err != nil || len(b.Mutations) < h.unsent {
			t.Errorf("try %d, byte %d: %d of %d actions can be read: %v", n, at, len(b.Mutations), h.unsent, err)
		}
	}
	t.Logf("%d of %d noticed", noticed, tries)
	if noticed == 0 {
		t.Error("no damage was noticed")
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func size(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	return info.Size()
}
