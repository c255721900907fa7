package offline_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/synctest"
)

const partSize = 1000

// shelf is an object store that takes parts of 1000 bytes and a server that looks at them.
type shelf struct {
	url string
	mu  sync.Mutex
	// want is the size of each file, have its parts, puts the order of all that came whole.
	want  map[uuid.UUID]int64
	have  map[uuid.UUID]map[int64][]byte
	puts  []string
	cutIn int // cut the connection in this many requests; 0 never
	stale bool
	// came, if set, hears of every part that came whole.
	came func()
}

func openShelf(t testing.TB) *shelf {
	s := &shelf{want: map[uuid.UUID]int64{}, have: map[uuid.UUID]map[int64][]byte{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// ServeHTTP takes a part.
func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cutIn--; err != nil || s.cutIn == 0 {
		panic(http.ErrAbortHandler)
	}
	if s.stale {
		s.stale = false
		w.WriteHeader(http.StatusForbidden) // the signature has expired
		return
	}
	id, offset := uuid.MustParse(r.FormValue("id")), r.FormValue("offset")
	n, err := strconv.ParseInt(offset, 10, 64)
	if err != nil || r.Header.Get("X-Signed") != "yes" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.have[id][n] = body
	s.puts = append(s.puts, id.String()+"@"+offset)
	if s.came != nil {
		s.came()
	}
}

// Start implements offline.Uploads.
func (s *shelf) Start(_ context.Context, id uuid.UUID, _ io.ReaderAt, _ int64) ([]offline.Part, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.want[id]; !ok {
		return nil, fault.New(fault.NotFound, "")
	}
	if s.have[id] == nil {
		s.have[id] = map[int64][]byte{}
	}
	var out []offline.Part
	for at := int64(0); at < s.want[id]; at += partSize {
		if _, ok := s.have[id][at]; !ok {
			out = append(out, offline.Part{
				Method: http.MethodPut, URL: s.url + "?id=" + id.String() + "&offset=" + strconv.FormatInt(at, 10),
				Header: http.Header{"X-Signed": {"yes"}}, Offset: at, Length: min(partSize, s.want[id]-at),
			})
		}
	}
	return out, nil
}

// Finish implements offline.Uploads.
func (s *shelf) Finish(_ context.Context, id uuid.UUID) (offline.Finished, error) {
	sum := s.sum(id)
	return offline.Finished{Answer: sum[:]}, nil
}

func (s *shelf) sum(id uuid.UUID) [32]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []byte
	for at := int64(0); at < s.want[id]; at += partSize {
		all = append(all, s.have[id][at]...)
	}
	return sha256.Sum256(all)
}

func (p *phone) photo(s *shelf, size int) offline.Kept {
	p.t.Helper()
	k, err := p.Store.Keep(p.t.Context(),
		bytes.NewReader(append([]byte("\xFF\xD8\xFF"), bytes.Repeat([]byte{byte(size)}, size-3)...)), "image/jpeg")
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.Store.Do(p.t.Context(), "add", synctest.Args{}.Encode(), k); err != nil {
		p.t.Fatal(err)
	}
	if s != nil {
		s.want[k.ID] = int64(size)
	}
	return k
}

// A card that was taken out, a file that a cleaner removed: all else goes on, to the office and into a black box.
func TestAFileWhoseBytesAreGoneHoldsUpNobody(t *testing.T) {
	t.Parallel()
	o, s := openOffice(t), openShelf(t)
	user, _ := o.worker(t, 1)
	p := o.phone(t, user, nil)
	p.Uploads = s
	gone, short, other := p.photo(s, 500), p.photo(s, 550), p.photo(s, 600)
	folder := filepath.Join(p.Store.Dir, "files")
	if err := errors.Join(os.Remove(filepath.Join(folder, gone.ID.String())),
		os.Truncate(filepath.Join(folder, short.ID.String()), 20)); err != nil {
		t.Fatal(err)
	}
	if b, err := p.Store.Export(t.Context(), io.Discard, "a passphrase"); err != nil || len(b.Files) != 1 ||
		len(b.Mutations) != 3 {
		t.Errorf("boxed %d files of %d mutations, %v", len(b.Files), len(b.Mutations), err)
	}
	r, err := p.Sync(t.Context())
	if err != nil || offline.CodeOf(r.Trouble) != fault.FileGone || r.Uploaded != 1 {
		t.Errorf("uploaded %d, trouble %v, %v", r.Uploaded, r.Trouble, err)
	}
	files, err := p.Store.Files(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		want := offline.FileHeld
		if f.ID == other.ID {
			want = offline.FileDone
		}
		if f.State != want || (f.State == offline.FileHeld) != (f.Code == string(fault.FileGone)) {
			t.Errorf("a file of %d bytes is %d %q", f.Size, f.State, f.Code)
		}
	}
	if err := errors.Join(p.Store.LetGo(t.Context(), gone.ID), p.Store.LetGo(t.Context(), short.ID),
		p.Store.Logout(t.Context())); err != nil {
		t.Error(err)
	}
}

// What cannot be opened for a moment is not given up: it is said, holds up nobody, goes later, and is not forgotten
// with a box that lacks it.
func TestAFileThatCannotBeOpenedNowGoesLater(t *testing.T) {
	t.Parallel()
	o, s := openOffice(t), openShelf(t)
	user, items := o.worker(t, 1)
	p := o.phone(t, user, nil)
	p.Uploads = s
	stuck, other := p.photo(s, 300), p.photo(s, 400)
	path, aside := filepath.Join(p.Store.Dir, "files", stuck.ID.String()), filepath.Join(t.TempDir(), "aside")
	// a link to itself opens for nobody
	if err := errors.Join(os.Rename(path, aside), os.Symlink(path, path)); err != nil {
		t.Fatal(err)
	}
	b, err := p.Store.Export(t.Context(), io.Discard, "a passphrase")
	if err != nil || len(b.Mutations) != 2 || len(b.Files) != 1 || b.Files[0].ID != other.ID {
		t.Fatal(b, err)
	}
	if err := p.Store.HandOver(t.Context(), b); offline.CodeOf(err) != fault.UnsentWork {
		t.Errorf("handed over what is not in the box: %v", err)
	}
	if r := p.sync(); r.Uploaded != 1 || offline.CodeOf(r.Trouble) != fault.StoreUnusable {
		t.Errorf("%+v", r)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	mended := false
	err = p.Run(ctx, nil, func(e offline.Event) {
		if e.Connected != nil && *e.Connected && !mended {
			mended = true
			if err := errors.Join(os.Remove(path), os.Rename(aside, path)); err != nil {
				t.Error(err)
			}
			p.do("add", synctest.Args{Item: items[0]})
		}
		if u, err := p.Store.Unsent(t.Context()); err != nil || u.Empty() {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Run ended: %v", err)
	}
	if sum := s.sum(stuck.ID); !bytes.Equal(sum[:], stuck.SHA256) {
		t.Error("other bytes arrived")
	}
}

// silent is a network on which the object store never answers.
type silent struct{}

func (silent) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPut {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return http.DefaultTransport.RoundTrip(r)
}

// slow is a network on which a part takes until something else was pushed.
type slow struct {
	begun  func()
	pushed chan struct{}
	once   sync.Once
	busy   atomic.Bool
}

func (s *slow) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPut && s.busy.CompareAndSwap(false, true) {
		s.begun()
		select {
		case <-s.pushed:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if strings.HasSuffix(r.URL.Path, "/Push") && s.busy.Load() {
		s.once.Do(func() { close(s.pushed) })
	}
	return res, err
}

func TestWhatIsDoneWhileAPartGoesUpGoesBesideIt(t *testing.T) {
	t.Parallel()
	o, s := openOffice(t), openShelf(t)
	user, items := o.worker(t, 1)
	n := &slow{pushed: make(chan struct{})}
	p := o.phone(t, user, n)
	p.CallTimeout = time.Minute
	p.Uploads = s
	large := p.photo(s, 2500)
	n.begun = func() { p.do("add", synctest.Args{Item: items[0]}) }
	if r := p.sync(); r.Uploaded != 1 || r.Pushed != 2 || r.Trouble != nil {
		t.Errorf("%+v", r)
	}
	if len(s.puts) != 3 || o.count(t, items[0]) != 1 {
		t.Errorf("%d parts went, none twice; the office has counted %d", len(s.puts), o.count(t, items[0]))
	}
	if a, err := p.Store.Actions(t.Context()); err != nil || !a[1].Covered {
		t.Error("the round after the part has not pulled", err)
	}
	if sum := s.sum(large.ID); !bytes.Equal(sum[:], large.SHA256) {
		t.Error("other bytes arrived")
	}
}

func TestAPartThatStandsStillEndsItsRound(t *testing.T) {
	t.Parallel()
	o, s := openOffice(t), openShelf(t)
	user, _ := o.worker(t, 1)
	p := o.phone(t, user, silent{})
	p.CallTimeout = 8 * time.Second
	p.Uploads = s
	p.photo(s, 500)
	// The round ends, and what is done meanwhile goes with the next, which begins with it.
	if _, err := p.Sync(t.Context()); offline.CodeOf(err) != fault.NoNetwork {
		t.Errorf("a part that stands still: %v", err)
	}
}

func TestFilesGoSmallOnesFirstAndGoOnAfterACut(t *testing.T) {
	t.Parallel()
	o, s := openOffice(t), openShelf(t)
	user, _ := o.worker(t, 1)
	p := o.phone(t, user, nil)
	p.Uploads = s
	large, small := p.photo(s, 300_500), p.photo(s, 2500)
	s.cutIn = 40
	if _, err := p.Sync(t.Context()); offline.CodeOf(err) != fault.NoNetwork {
		t.Fatal(err)
	}
	if u, err := p.Store.Unsent(t.Context()); err != nil || u.Files != 1 || u.Bytes != 300_500 || u.Mutations != 0 {
		t.Error(u, err)
	}
	s.stale = true // the next request has expired by the time it is made
	if r := p.sync(); r.Uploaded != 1 || r.Trouble != nil {
		t.Errorf("%+v", r)
	}
	first := slices.Clone(s.puts)
	slices.Sort(first)
	if n := len(slices.Compact(first)); n != len(s.puts) || n != 3+301 {
		t.Errorf("%d parts, %d of them different", len(s.puts), n)
	}
	if s.puts[0] != small.ID.String()+"@0" {
		t.Error("the small file did not go first")
	}
	for _, k := range []offline.Kept{large, small} {
		if sum := s.sum(k.ID); !bytes.Equal(sum[:], k.SHA256) {
			t.Error("other bytes arrived")
		}
	}
	files, err := p.Store.Files(t.Context())
	if err != nil || files[0].State != offline.FileDone || !bytes.Equal(files[0].Answer, small.SHA256) {
		t.Error(files, err)
	}
}

func TestWhatIsDoneWhileALargeFileGoesUpGoesFirst(t *testing.T) {
	t.Parallel()
	o, s := openOffice(t), openShelf(t)
	user, items := o.worker(t, 1)
	p := o.phone(t, user, nil)
	p.Uploads = s
	p.sync()
	large, next := p.photo(s, 30_500), p.photo(s, 30_500)
	s.came = func() {
		switch len(s.puts) {
		case 5:
			p.do("add", synctest.Args{Item: items[0]})
		case 6:
			if n := o.count(t, items[0]); n != 1 {
				t.Errorf("after one more part the office has counted %d", n)
			}
		case 40:
			p.photo(nil, 100) // also one with a file, which nobody wants
		}
	}
	if r := p.sync(); r.Uploaded != 2 || r.Pushed != 4 || offline.CodeOf(r.Trouble) != fault.NotFound {
		t.Errorf("%+v", r)
	}
	slices.Sort(s.puts)
	if n := len(slices.Compact(slices.Clone(s.puts))); n != len(s.puts) || n != 2*31 {
		t.Errorf("%d parts, %d of them different", len(s.puts), n)
	}
	for _, k := range []offline.Kept{large, next} {
		if sum := s.sum(k.ID); !bytes.Equal(sum[:], k.SHA256) {
			t.Error("other bytes arrived")
		}
	}
}

func TestAFileThatIsNotWantedStaysAndHoldsNothingUp(t *testing.T) {
	t.Parallel()
	o, s := openOffice(t), openShelf(t)
	user, _ := o.worker(t, 1)
	p := o.phone(t, user, nil)
	p.Uploads = s
	unknown, wanted := p.photo(nil, 100), p.photo(s, 200)
	r := p.sync()
	if r.Uploaded != 1 || offline.CodeOf(r.Trouble) != fault.NotFound {
		t.Errorf("%+v", r)
	}
	files, err := p.Store.Files(t.Context())
	if err != nil || files[0].ID != unknown.ID || files[0].State != offline.FileHeld || files[1].ID != wanted.ID {
		t.Fatal(files, err)
	}
	if err := p.Store.Logout(t.Context()); offline.CodeOf(err) != fault.UnsentWork {
		t.Error(err)
	}
	if err := p.Store.LetGo(t.Context(), wanted.ID); offline.CodeOf(err) != fault.NotFound {
		t.Errorf("a file that is done was let go: %v", err)
	}
	if err := errors.Join(p.Store.LetGo(t.Context(), unknown.ID), p.Store.Logout(t.Context())); err != nil {
		t.Error(err)
	}
}

func TestABlackBoxCarriesUnsentWorkToAnotherPhone(t *testing.T) {
	t.Parallel()
	o, s := openOffice(t), openShelf(t)
	user, items := o.worker(t, 1)
	dying, fresh := o.phone(t, user, nil), o.phone(t, user, nil)
	dying.Uploads, fresh.Uploads = s, s
	dying.sync()
	sent := dying.do("add", synctest.Args{Item: items[0]})
	dying.do("add", synctest.Args{Item: items[0]})
	dying.photo(s, 70_000)
	var box bytes.Buffer
	const phrase = "basement 三号"
	if _, err := dying.Store.Export(t.Context(), &box, "short"); offline.CodeOf(err) != fault.BoxPassphrase {
		t.Error(err)
	}
	if b, err := dying.Store.Export(t.Context(), &box, phrase); err != nil || len(b.Mutations) != 3 || len(b.Files) != 1 {
		t.Fatal(b, err)
	}
	// It did send, after all, and nobody knows.
	dying.sync()
	sealed := box.Bytes()
	if bytes.Contains(sealed, items[0][:]) || bytes.Contains(sealed, sent.ID[:]) ||
		bytes.Contains(sealed, bytes.Repeat([]byte{byte(70_000 & 0xff)}, 50)) {
		t.Error("the box shows what it holds")
	}
	damaged := bytes.Clone(sealed)
	damaged[len(damaged)/2] ^= 1
	for name, c := range map[string]struct {
		bytes  []byte
		phrase string
	}{
		"wrong passphrase": {sealed, phrase + "x"}, "damaged": {damaged, phrase}, "cut": {sealed[:len(sealed)-100], phrase},
		"the last chunk missing": {sealed[:len(sealed)-(len(sealed)-31-4-16)%(64<<10)-1], phrase}, "empty": {nil, phrase},
	} {
		if _, err := fresh.Store.Import(t.Context(), bytes.NewReader(c.bytes), c.phrase); offline.CodeOf(err) !=
			fault.BoxUnreadable {
			t.Errorf("%s: %v", name, err)
		}
	}
	for n := range 2 {
		if b, err := fresh.Store.Import(t.Context(), bytes.NewReader(sealed), phrase); err != nil || b.Known != 3*n {
			t.Fatal(b.Known, err)
		}
	}
	fresh.sync()
	if got := o.count(t, items[0]); got != 2 {
		t.Errorf("counted %d, want 2", got)
	}
	u, err := fresh.Store.Unsent(t.Context())
	if err != nil || !u.Empty() {
		t.Error(u, err)
	}
	stranger := openOffice(t)
	other, _ := stranger.worker(t, 0)
	if _, err := stranger.phone(t, other, nil).Store.Import(t.Context(), bytes.NewReader(sealed),
		phrase); offline.CodeOf(err) != fault.BoxForeign {
		t.Error(err)
	}
}
