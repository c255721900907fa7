package offline

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/chacha20poly1305"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// A black box is the unsent work of a device, encrypted with a passphrase, for a dying phone or a login that does
// not come back. Imported on any other device it goes on its way under the same mutation ids, so that what the
// server has seen already counts once.
//
// Format: "doorstep box 1\n", 16 bytes of salt, then chunks. A chunk is 4 bytes of length (big endian) and that
// many bytes of XChaCha20-Poly1305 over at most 64 KiB; its nonce is the chunk's number, the last chunk has the
// top bit of the nonce set, so that a cut file does not open. The key is argon2id (3 passes, 64 MiB, 4 lanes) of
// the passphrase and the salt. Within is a tar with work.json first and then the files by id.
const (
	boxMagic  = "doorstep box 1\n"
	boxChunk  = 64 << 10
	minPhrase = 8
)

// Box says what was exported or imported.
type Box struct {
	Made      time.Time    `json:"made"`
	Org       uuid.UUID    `json:"org"`
	User      uuid.UUID    `json:"user"`
	UserName  string       `json:"user_name"`
	Mutations []boxedWork  `json:"mutations"`
	Files     []boxedBytes `json:"files"`
	// Known counts the mutations that the importing device held already.
	Known int `json:"-"`
}

type boxedWork struct {
	ID   uuid.UUID `json:"id"`
	Kind string    `json:"kind"`
	Args []byte    `json:"args"`
	At   time.Time `json:"at"`
	// Sent: it has a verdict already and travels only for its files.
	Sent []byte `json:"verdict,omitempty"`
}

type boxedBytes struct {
	ID       uuid.UUID `json:"id"`
	Mutation uuid.UUID `json:"mutation"`
	SHA256   []byte    `json:"sha256"`
	Size     int64     `json:"size"`
	Media    string    `json:"media"`
}

// Export writes everything that is unsent to w, encrypted with the passphrase (at least 8 bytes), but for files whose
// bytes the device has lost or cannot read now: Box.Files are those that are in it. The store keeps it too: sending it
// from both sides is safe.
func (s *Store) Export(ctx context.Context, w io.Writer, passphrase string) (Box, error) {
	if len(passphrase) < minPhrase {
		return Box{}, fault.New(fault.BoxPassphrase, "%d", minPhrase)
	}
	b, err := s.box(ctx)
	if err != nil {
		return Box{}, err
	}
	return b, writeBox(w, passphrase, b, s.OpenFile)
}

// writeBox seals a box with the bytes of its files.
func writeBox(w io.Writer, passphrase string, b Box, open func(uuid.UUID) (*os.File, error)) error {
	seal, err := newSealer(w, passphrase)
	if err != nil {
		return err
	}
	t := tar.NewWriter(seal)
	head, err := json.Marshal(b)
	if err != nil {
		return err
	}
	if err := addTar(t, "work.json", int64(len(head)), bytes.NewReader(head), b.Made); err != nil {
		return err
	}
	for _, f := range b.Files {
		file, err := open(f.ID)
		if err != nil {
			return err
		}
		if err := errors.Join(addTar(t, f.ID.String(), f.Size, file, b.Made), file.Close()); err != nil {
			return err
		}
	}
	return errors.Join(t.Close(), seal.Close())
}

// HandOver forgets everything, as Logout does, provided that all that is unsent is in the box that Export wrote, but
// for files whose bytes are gone. One that only cannot be read now keeps everything here.
func (s *Store) HandOver(ctx context.Context, b Box) error {
	boxed := map[uuid.UUID]bool{}
	for _, m := range b.Mutations {
		boxed[m.ID] = true
	}
	for _, f := range b.Files {
		boxed[f.ID] = true
	}
	err := s.transact(ctx, func(tx *sql.Tx) error {
		err := each(ctx, tx, func(scan func(...any) error) error {
			var id []byte
			var size sql.NullInt64 // of a file
			err := scan(&id, &size)
			if err == nil && !boxed[idOf(id)] && (!size.Valid || !s.gone(idOf(id), size.Int64)) {
				err = fault.New(fault.UnsentWork, "")
			}
			return err
		}, `SELECT id, NULL FROM outbox WHERE known IS NULL UNION ALL SELECT id, size FROM file WHERE state IN (1, 2)`)
		if err != nil {
			return err
		}
		return wipe(ctx, tx)
	})
	if err != nil {
		return err
	}
	return s.wiped(ctx)
}

func addTar(t *tar.Writer, name string, size int64, r io.Reader, at time.Time) error {
	if err := t.WriteHeader(&tar.Header{Name: name, Size: size, Mode: 0o600, ModTime: at, Typeflag: tar.TypeReg}); err !=
		nil {
		return err
	}
	_, err := io.Copy(t, r)
	return err
}

// box gathers what is unsent: mutations without a verdict, and files with the mutation that announced them.
func (s *Store) box(ctx context.Context) (Box, error) {
	d, err := s.Device(ctx)
	if err != nil {
		return Box{}, err
	}
	b := Box{Made: s.Now().UTC(), Org: d.Org, User: d.User, UserName: d.UserName}
	err = each(ctx, s.read, func(scan func(...any) error) error {
		var m boxedWork
		var id []byte
		var at int64
		err := scan(&id, &m.Kind, &m.Args, &at, &m.Sent)
		m.ID, m.At = idOf(id), time.UnixMicro(at).UTC()
		b.Mutations = append(b.Mutations, m)
		return err
	}, `SELECT id, kind, args, at, verdict FROM outbox
		WHERE known IS NULL OR id IN (SELECT mutation FROM file WHERE state IN (1, 2)) ORDER BY n`)
	if err != nil {
		return Box{}, err
	}
	files, err := s.Files(ctx)
	for _, f := range files {
		if f.State != FileWaiting && f.State != FileHeld {
			continue
		}
		if whole, err := s.openWhole(f.ID, f.Size); err == nil {
			b.Files = append(b.Files, boxedBytes{ID: f.ID, Mutation: f.Mutation, SHA256: f.SHA256, Size: f.Size, Media: f.Media})
			if err := whole.Close(); err != nil {
				return Box{}, err
			}
		}
	}
	return b, err
}

// Import takes a black box into this device's outbox. The device must be enrolled in the same org. What it holds
// already is skipped; a box may be imported twice.
func (s *Store) Import(ctx context.Context, r io.Reader, passphrase string) (Box, error) {
	d, err := s.Device(ctx)
	if err == nil && !d.Enrolled() {
		err = fault.New(fault.NotEnrolled, "")
	}
	if err != nil {
		return Box{}, err
	}
	open, err := newOpener(r, passphrase)
	if err != nil {
		return Box{}, err
	}
	t := tar.NewReader(open)
	var b Box
	if h, err := t.Next(); err != nil || h.Name != "work.json" {
		return Box{}, boxError(err)
	}
	if err := json.NewDecoder(t).Decode(&b); err != nil {
		return Box{}, boxError(err)
	}
	if b.Org != d.Org && b.Org != uuid.Nil { // nobody knows whose it is that comes of a store damaged at that place
		return Box{}, fault.New(fault.BoxForeign, "")
	}
	if err := s.importFiles(ctx, open, t, b.Files); err != nil {
		return Box{}, errors.Join(err, s.sweep(ctx))
	}
	return b, s.importBox(ctx, &b)
}

// importBox takes the work of a box in, whose bytes are here.
func (s *Store) importBox(ctx context.Context, b *Box) error {
	err := s.transact(ctx, func(tx *sql.Tx) (err error) {
		b.Known, err = s.importWork(ctx, tx, *b)
		return err
	})
	if err == nil {
		for _, f := range b.Files {
			s.fresh.forget(f.ID.String()) // a row names it now
		}
		err = s.renewSpare(ctx)
		s.nudge()
	}
	return errors.Join(err, s.sweep(ctx))
}

func (s *Store) importFiles(ctx context.Context, open io.Reader, t *tar.Reader, files []boxedBytes) error {
	want := map[string]boxedBytes{}
	for _, f := range files {
		want[f.ID.String()] = f
	}
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return boxError(err)
		}
		f, ok := want[h.Name]
		if !ok {
			return boxError(nil)
		}
		delete(want, h.Name)
		if err := s.importFile(ctx, t, f); err != nil {
			return err
		}
	}
	if len(want) > 0 {
		return boxError(io.ErrUnexpectedEOF)
	}
	// The last chunk says that nothing was cut off.
	if _, err := io.Copy(io.Discard, open); err != nil {
		return err
	}
	return syncDir(filepath.Join(s.Dir, "files"))
}

// importFile writes one file's bytes unless they are here already.
func (s *Store) importFile(ctx context.Context, r io.Reader, f boxedBytes) (err error) {
	if err := s.fresh.add(s.Dir, f.ID.String()); err != nil {
		return err
	}
	file, err := os.OpenFile(s.path(f.ID), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return fault.Wrap(err, fault.StoreUnusable, "")
	}
	sum := sha256.New()
	_, err = io.Copy(io.MultiWriter(file, sum), contextReader{ctx, r})
	if err == nil && !bytes.Equal(sum.Sum(nil), f.SHA256) {
		err = boxError(nil)
	}
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		s.fresh.forget(f.ID.String())
	}
	return err
}

// importWork appends what is not known yet.
func (s *Store) importWork(ctx context.Context, tx *sql.Tx, b Box) (known int, err error) {
	for _, m := range b.Mutations {
		var held int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM outbox WHERE id = ?`, m.ID[:]).Scan(&held); err != nil {
			return known, err
		}
		if held > 0 {
			known++
			continue
		}
		// Also one that has a verdict goes again: the server repeats it, and this device's file hangs on it.
		if _, err := s.append(ctx, tx, Mutation{ID: m.ID, Kind: m.Kind, Args: m.Args, DeviceTime: m.At}); err != nil {
			return known, err
		}
	}
	return known, insertFiles(ctx, tx, b.Files, b.Made)
}

func insertFiles(ctx context.Context, tx *sql.Tx, files []boxedBytes, added time.Time) error {
	for _, f := range files {
		_, err := tx.ExecContext(ctx, `INSERT OR IGNORE INTO file (id, mutation, name, sha256, size, media, added, state)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			f.ID[:], f.Mutation[:], f.ID.String(), f.SHA256, f.Size, f.Media, added.UnixMicro(), FileWaiting)
		if err != nil {
			return err
		}
	}
	return nil
}

func boxError(cause error) error { return fault.Wrap(cause, fault.BoxUnreadable, "") }

func boxKey(passphrase string, salt []byte) []byte {
	return argon2.IDKey([]byte(passphrase), salt, 3, 64<<10, 4, chacha20poly1305.KeySize)
}

// boxNonce is the nonce of chunk n.
func boxNonce(n uint64, last bool) []byte {
	nonce := make([]byte, chacha20poly1305.NonceSizeX)
	binary.BigEndian.PutUint64(nonce[16:], n)
	if last {
		nonce[0] = 0x80
	}
	return nonce
}

// sealer encrypts what is written to it, chunk by chunk.
type sealer struct {
	w   io.Writer
	key []byte
	buf []byte
	n   uint64
}

func newSealer(w io.Writer, passphrase string) (*sealer, error) {
	salt := make([]byte, 16)
	if _, err := rand.Read(salt); err != nil {
		return nil, err
	}
	if _, err := w.Write(append([]byte(boxMagic), salt...)); err != nil {
		return nil, err
	}
	return &sealer{w: w, key: boxKey(passphrase, salt)}, nil
}

func (s *sealer) Write(b []byte) (int, error) {
	s.buf = append(s.buf, b...)
	for len(s.buf) > boxChunk {
		if err := s.chunk(s.buf[:boxChunk], false); err != nil {
			return 0, err
		}
		s.buf = append(s.buf[:0], s.buf[boxChunk:]...)
	}
	return len(b), nil
}

func (s *sealer) chunk(b []byte, last bool) error {
	aead, err := chacha20poly1305.NewX(s.key)
	if err != nil {
		return err
	}
	sealed := aead.Seal(nil, boxNonce(s.n, last), b, []byte(boxMagic))
	s.n++
	_, err = s.w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(sealed))), sealed...))
	return err
}

// Close writes the last chunk.
func (s *sealer) Close() error { return s.chunk(s.buf, true) }

// opener decrypts what newSealer's writer wrote. Bytes that were changed, cut or sealed with another passphrase
// give BoxUnreadable, and none of them comes through.
type opener struct {
	r    io.Reader
	key  []byte
	buf  []byte
	n    uint64
	done bool
}

func newOpener(r io.Reader, passphrase string) (*opener, error) {
	head := make([]byte, len(boxMagic)+16)
	if _, err := io.ReadFull(r, head); err != nil || string(head[:len(boxMagic)]) != boxMagic {
		return nil, boxError(err)
	}
	return &opener{r: r, key: boxKey(passphrase, head[len(boxMagic):])}, nil
}

func (o *opener) Read(b []byte) (int, error) {
	for len(o.buf) == 0 {
		if o.done {
			return 0, io.EOF
		}
		if err := o.chunk(); err != nil {
			return 0, boxError(err)
		}
	}
	n := copy(b, o.buf)
	o.buf = o.buf[n:]
	return n, nil
}

func (o *opener) chunk() error {
	var size [4]byte
	if _, err := io.ReadFull(o.r, size[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > boxChunk+chacha20poly1305.Overhead {
		return fmt.Errorf("chunk of %d bytes", n)
	}
	sealed := make([]byte, n)
	if _, err := io.ReadFull(o.r, sealed); err != nil {
		return err
	}
	aead, err := chacha20poly1305.NewX(o.key)
	if err != nil {
		return err
	}
	if o.buf, err = aead.Open(nil, boxNonce(o.n, false), sealed, []byte(boxMagic)); err != nil {
		if o.buf, err = aead.Open(nil, boxNonce(o.n, true), sealed, []byte(boxMagic)); err != nil {
			return err
		}
		o.done = true
	}
	o.n++
	return nil
}
