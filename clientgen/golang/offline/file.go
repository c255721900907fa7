package offline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/internal/picture"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// FileState is how far the bytes of a file are.
type FileState int

// The states of a file.
const (
	// FileWaiting: to be sent, or being sent.
	FileWaiting FileState = 1
	// FileHeld: the server does not take it now, because its mutation waits for a person or was rejected; the
	// bytes are kept and offered again with every sync. Or the device cannot read them any more (file_gone).
	FileHeld FileState = 2
	// FileDone: the server has verified the bytes.
	FileDone FileState = 3
	// FileRefused: the server has the bytes and they are not acceptable.
	FileRefused FileState = 4
)

// Kept is a file whose bytes are safe in the store and which waits for the mutation that it belongs to.
type Kept struct {
	ID     uuid.UUID
	SHA256 []byte
	Size   int64
	Media  string
}

// File is a file on its way to the object store.
type File struct {
	Kept
	// Mutation is the id of the mutation that announced it.
	Mutation uuid.UUID
	Added    time.Time
	State    FileState
	// Sent counts the bytes that the object store has taken.
	Sent int64
	// Code says why it is held or refused (docs/ERRORS.md).
	Code string
	// Answer is the server's lasting answer: the receipt.
	Answer []byte
}

// Keep copies r into the store's own folder and returns when the bytes are on disk. Without a mutation that
// names it (see Do), the copy is removed when the store is opened next. The type is told by the first bytes; media,
// which may be empty, counts only where the application takes other files than pictures (Options.OtherFiles). What is
// empty or no picture is refused with FileEmpty or ProofNotPicture.
func (s *Store) Keep(ctx context.Context, r io.Reader, media string) (_ Kept, err error) {
	if s.write == nil {
		return Kept{}, fault.New(fault.StoreLocked, "")
	}
	head := make([]byte, picture.Head)
	n, err := io.ReadFull(contextReader{ctx, r}, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return Kept{}, fault.Wrap(err, fault.StoreUnusable, "")
	}
	if media, err = mediaOf(media, head[:n], s.OtherFiles); err != nil {
		return Kept{}, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Kept{}, err
	}
	if err := s.fresh.add(s.Dir, id.String()); err != nil {
		return Kept{}, err
	}
	path := s.path(id)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		s.fresh.forget(id.String())
		return Kept{}, fault.Wrap(err, fault.StoreUnusable, "")
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(path))
			s.fresh.forget(id.String())
		}
	}()
	sum := sha256.New()
	size, err := io.Copy(io.MultiWriter(f, sum), contextReader{ctx, io.MultiReader(bytes.NewReader(head[:n]), r)})
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return Kept{}, fault.Wrap(err, fault.StoreUnusable, "")
	}
	if err := syncDir(filepath.Dir(path)); err != nil {
		return Kept{}, err
	}
	return Kept{ID: id, SHA256: sum.Sum(nil), Size: size, Media: media}, nil
}

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(b []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(b)
}

// syncDir makes a new name in a folder durable. Systems that cannot (Windows) do it by themselves.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !os.IsPermission(err) {
		return errors.Join(err, d.Close())
	}
	return d.Close()
}

func (s *Store) path(id uuid.UUID) string { return filepath.Join(s.Dir, "files", id.String()) }

// OpenFile opens the kept bytes of a file.
func (s *Store) OpenFile(id uuid.UUID) (*os.File, error) { return os.Open(s.path(id)) }

// openWhole opens the kept bytes of a file that are to be sent. One whose bytes the device has lost is FileGone, one
// that cannot be opened now is StoreUnusable; neither is a reason to keep the others here.
func (s *Store) openWhole(id uuid.UUID, size int64) (*os.File, error) {
	f, err := s.OpenFile(id)
	if err != nil {
		return nil, lost(err)
	}
	there, err := f.Stat()
	switch {
	case err != nil:
		return nil, lost(errors.Join(err, f.Close()))
	case there.Size() != size:
		return nil, errors.Join(fault.New(fault.FileGone, "%d of %d bytes", there.Size(), size), f.Close())
	}
	return f, nil
}

// lost says of a file that does not open whether it is gone, or only not to be had now: for want of descriptors, of
// rights, of a card.
func lost(err error) error {
	if errors.Is(err, os.ErrNotExist) {
		return fault.Wrap(err, fault.FileGone, "")
	}
	return fault.Wrap(err, fault.StoreUnusable, "")
}

// gone tells whether the device has lost the bytes of a file for sure.
func (s *Store) gone(id uuid.UUID, size int64) bool {
	there, err := os.Stat(s.path(id))
	return errors.Is(err, os.ErrNotExist) || err == nil && there.Size() != size
}

func addFile(ctx context.Context, tx *sql.Tx, m Mutation, f Kept) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO file (id, mutation, name, sha256, size, media, added, state)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		f.ID[:], m.ID[:], f.ID.String(), f.SHA256, f.Size, f.Media, m.DeviceTime.UnixMicro(), FileWaiting)
	return err
}

// Files returns all files, in the order in which they go over the radio: small ones first, then as added.
func (s *Store) Files(ctx context.Context) ([]File, error) {
	var out []File
	err := eachFile(ctx, s.read, func(f File) error { out = append(out, f); return nil }, `ORDER BY size > ?, added, id`,
		smallFile)
	return out, err
}

func eachFile(ctx context.Context, q queryer, fn func(File) error, where string, args ...any) error {
	return each(ctx, q, func(scan func(...any) error) error {
		var f File
		var id, mutation []byte
		var added int64
		err := scan(&id, &mutation, &f.SHA256, &f.Size, &f.Media, &added, &f.State, &f.Sent, &f.Code, &f.Answer)
		f.ID, f.Mutation, f.Added = idOf(id), idOf(mutation), time.UnixMicro(added).UTC()
		return errors.Join(err, fn(f))
	}, `SELECT id, mutation, sha256, size, media, added, state, sent, code, answer FROM file `+where, args...)
}

func (s *Store) setFile(ctx context.Context, f File) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE file SET state = ?, sent = ?, code = ?, answer = ? WHERE id = ?`,
			f.State, f.Sent, f.Code, f.Answer, f.ID[:])
		return err
	})
}

// LetGo forgets a file that is held (FileHeld): a person decided that nobody needs its bytes, or saw that they are
// gone.
func (s *Store) LetGo(ctx context.Context, id uuid.UUID) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		r, err := tx.ExecContext(ctx, `DELETE FROM file WHERE id = ? AND state = ?`, id[:], FileHeld)
		if err != nil {
			return err
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return fault.Wrap(err, fault.NotFound, "")
		}
		return nil
	})
}

// sweep removes bytes that no file names (any more): of what was forgotten or wiped, and copies of an earlier run whose
// mutation was never written.
func (s *Store) sweep(ctx context.Context) error {
	dir := filepath.Join(s.Dir, "files")
	found, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	// What is fresh may be announced at any moment: asked in this order, it is known if it is not fresh any more.
	found = slices.DeleteFunc(found, func(f os.DirEntry) bool {
		return s.fresh.has(f.Name())
	})
	if elsewhere, err := s.fresh.elsewhere(s.Dir); err != nil || elsewhere {
		return err
	}
	known := map[string]bool{}
	err = each(ctx, s.write, func(scan func(...any) error) error {
		var name string
		err := scan(&name)
		known[name] = true
		return err
	}, `SELECT name FROM file`)
	if err != nil {
		return err
	}
	for _, f := range found {
		if !known[f.Name()] {
			if err := os.Remove(filepath.Join(dir, f.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}
