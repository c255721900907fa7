package offline_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	"github.com/doorstep-dev/doorstep/sync/conformance"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

func TestAFileIsKeptAsWhatItsFirstBytesAreOrRefusedWhenItIsTaken(t *testing.T) {
	t.Parallel()
	var v conformance.Pictures
	if err := conformance.Vectors("picture", &v); err != nil {
		t.Fatal(err)
	}
	stores := map[bool]*offline.Store{}
	for _, any := range []bool{false, true} {
		s, err := offline.Open(t.Context(), offline.Options{Dir: t.TempDir(), Now: time.Now, OtherFiles: any})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		stores[any] = s
	}
	kept := 0
	for _, c := range v.Kept {
		k, err := stores[c.Any].Keep(t.Context(), bytes.NewReader(c.Head), c.Declared)
		if got := string(offline.CodeOf(err)); got != c.Code || k.Media != c.Media {
			t.Errorf("%s: %q %q, want %q %q", c.Says, k.Media, got, c.Media, c.Code)
		}
		if err != nil {
			continue
		}
		kept++
		f, err := stores[c.Any].OpenFile(k.ID)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(f)
		if err != nil || !bytes.Equal(b, c.Head) || k.Size != int64(len(c.Head)) {
			t.Errorf("%s: %d of %d bytes are kept, %v", c.Says, len(b), len(c.Head), err)
		}
		_ = f.Close()
	}
	for _, s := range stores {
		left, err := os.ReadDir(filepath.Join(s.Dir, "files"))
		if err != nil {
			t.Fatal(err)
		}
		kept -= len(left)
	}
	if kept != 0 {
		t.Error("what was refused is on the disk")
	}
}

// slowLook is a server that needs more time to look at a file for so many calls.
type slowLook struct {
	*shelf
	busy int
}

func (s *slowLook) Finish(ctx context.Context, id uuid.UUID) (offline.Finished, error) {
	if s.busy--; s.busy >= 0 {
		return offline.Finished{}, fault.New(fault.ProofVerifying, "").After(time.Second)
	}
	return s.shelf.Finish(ctx, id)
}

func TestAFileThatIsStillLookedAtIsNoTroubleAndHasItsResultLater(t *testing.T) {
	t.Parallel()
	o, s := openOffice(t), openShelf(t)
	user, _ := o.worker(t, 1)
	p := o.phone(t, user, nil)
	p.Uploads = &slowLook{shelf: s, busy: 2}
	p.photo(s, 2500)
	for range 2 {
		if r := p.sync(); r.Verifying != 1 || r.Trouble != nil || r.Uploaded != 0 || len(r.Refused) != 0 {
			t.Errorf("while it is looked at: %+v", r)
		}
		if u, err := p.Store.Unsent(t.Context()); err != nil || u.Files != 1 {
			t.Errorf("its bytes are given up before there is an answer: %+v, %v", u, err)
		}
	}
	if r := p.sync(); r.Verifying != 0 || r.Uploaded != 1 {
		t.Errorf("in the end: %+v", r)
	}
	if len(s.puts) != 3 {
		t.Errorf("%d parts were sent", len(s.puts))
	}
}

func TestProgressOfAFileIsToldFromItsBeginningToItsVerification(t *testing.T) {
	t.Parallel()
	o, s := openOffice(t), openShelf(t)
	user, _ := o.worker(t, 1)
	p := o.phone(t, user, nil)
	p.Uploads = s
	kept := p.photo(s, 2500)
	var heard []offline.FileProgress
	p.Moving = func(f offline.FileProgress) { heard = append(heard, f) }
	p.sync()
	if len(heard) < 5 || heard[0].Sent != 0 || heard[0].Verifying {
		t.Fatalf("heard %+v", heard)
	}
	for i, f := range heard {
		last := i == len(heard)-1
		if f.ID != kept.ID || f.Verifying != last || last && f.Sent != f.Size || i > 0 && f.Sent < heard[i-1].Sent {
			t.Errorf("%d: %+v", i, f)
		}
	}
}
