package offline

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
)

var sealAnew = flag.Bool("seal", false, "seal the box of Go in the vectors anew")

// boxVectors are black boxes that were sealed by the clients of all languages, and what is in them.
type boxVectors struct {
	About string      `json:"about"`
	Boxes []sealedBox `json:"boxes"`
}

type sealedBox struct {
	By         string `json:"by"`
	Passphrase string `json:"passphrase"`
	// Work is work.json as it was before it was sealed. Byte i of a file in it is i·7 mod 251.
	Work   json.RawMessage `json:"work"`
	Sealed []byte          `json:"sealed"`
}

func boxedFile(size int64) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(i * 7 % 251)
	}
	return b
}

func TestBoxesOfAllLanguagesOpen(t *testing.T) {
	t.Parallel()
	path := filepath.FromSlash("../../../sync/conformance/vectors/blackbox.json")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var v boxVectors
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	if *sealAnew {
		v.Boxes[0] = sealOne(t)
		out, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(out, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if len(v.Boxes) == 0 || v.Boxes[0].By != "go" {
		t.Fatal("no vectors")
	}
	for _, one := range v.Boxes {
		open, err := newOpener(bytes.NewReader(one.Sealed), one.Passphrase)
		if err != nil {
			t.Fatal(err)
		}
		r := tar.NewReader(open)
		h, err := r.Next()
		if err != nil || h.Name != "work.json" {
			t.Fatalf("%s: %v, %v", one.By, h, err)
		}
		var got, want Box
		if err := errors.Join(json.NewDecoder(r).Decode(&got), json.Unmarshal(one.Work, &want)); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", one.By, got, want)
		}
		for _, f := range want.Files {
			h, err := r.Next()
			if err != nil || h.Name != f.ID.String() {
				t.Fatalf("%s: %v, %v", one.By, h, err)
			}
			if b, err := io.ReadAll(r); err != nil || !bytes.Equal(b, boxedFile(f.Size)) {
				t.Errorf("%s: %d bytes, %v", one.By, len(b), err)
			}
		}
		if h, err := r.Next(); !errors.Is(err, io.EOF) {
			t.Errorf("%s: more than it should be: %v", one.By, h)
		}
		if n, err := io.Copy(io.Discard, open); err != nil {
			t.Errorf("%s: %d bytes behind, %v", one.By, n, err)
		}
	}
}

// sealOne is the box of Go: one mutation that is unsent, one that has a verdict, and a file of two chunks.
func sealOne(t *testing.T) sealedBox {
	t.Helper()
	at := time.Date(2026, 11, 23, 9, 0, 0, 123456000, time.UTC)
	id := func(n byte) uuid.UUID { return uuid.UUID{0x01, 0x93, 6: 0x70, 8: 0x80, 15: n} }
	b := Box{
		Made: at, Org: id(1), User: id(2), UserName: "张伟",
		Mutations: []boxedWork{
			{ID: id(3), Kind: "visit.accept", Args: []byte{1, 2, 255}, At: at},
			{ID: id(4), Kind: "proof.attach", Args: []byte{}, At: at.Add(time.Second), Sent: []byte{8, 1}},
		},
		Files: []boxedBytes{{
			ID: id(5), Mutation: id(4), SHA256: bytes.Repeat([]byte{7}, 32), Size: 70_000,
			Media: "image/jpeg",
		}},
	}
	out := sealedBox{By: "go", Passphrase: "basement 三号"}
	var err error
	if out.Work, err = json.Marshal(b); err != nil {
		t.Fatal(err)
	}
	var sealed bytes.Buffer
	seal, err := newSealer(&sealed, out.Passphrase)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(seal)
	err = addTar(w, "work.json", int64(len(out.Work)), bytes.NewReader(out.Work), at)
	for _, f := range b.Files {
		err = errors.Join(err, addTar(w, f.ID.String(), f.Size, bytes.NewReader(boxedFile(f.Size)), at))
	}
	if err := errors.Join(err, w.Close(), seal.Close()); err != nil {
		t.Fatal(err)
	}
	out.Sealed = sealed.Bytes()
	return out
}
