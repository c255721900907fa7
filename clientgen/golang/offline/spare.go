package offline

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"

	"github.com/google/uuid"
)

// The spare copy: what is done is written a second time, to work.log beside the database, record by record, each with
// its checksum. When the database is damaged or its end is lost, the unsent work is taken from there (see rescue.go).
// The database alone says what is saved: it is on the disk when Do returns. The spare copy follows without waiting for
// the disk.
const (
	spareName = "work.log"
	// spareMagic begins each record, so that reading goes on behind a damaged one. Then 4 bytes of length and 4 of CRC-32C
	// (big endian), and the record as JSON.
	spareMagic = "\xd0\x0fwk"
	// spareLarge is from which size on the copy is written anew when a round has brought all of it to the server.
	spareLarge = 16 << 10
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// spare is one record.
type spare struct {
	Org      uuid.UUID    `json:"org"`
	User     uuid.UUID    `json:"user"`
	UserName string       `json:"user_name"`
	Device   uuid.UUID    `json:"device"`
	Seq      uint64       `json:"seq"`
	Work     boxedWork    `json:"work"`
	Files    []boxedBytes `json:"files,omitempty"`
}

func (s *Store) sparePath() string { return filepath.Join(s.Dir, spareName) }

// addSpare copies what has just been done. It is saved without that, so an error is not one of the action.
func (s *Store) addSpare(ctx context.Context, ids ...uuid.UUID) {
	var records []byte
	for _, id := range ids {
		b, err := s.spares(ctx, s.read, `WHERE id = ?`, id[:])
		if err != nil {
			return
		}
		records = append(records, b...)
	}
	f, err := os.OpenFile(s.sparePath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	_, _ = f.Write(records) // one call, so that records of several programs do not mix
	_ = f.Close()
}

// spares are the records of the rows of a query.
func (s *Store) spares(ctx context.Context, q queryer, where string, args ...any) (records []byte, err error) {
	d, err := deviceOf(ctx, q)
	if err != nil {
		return nil, err
	}
	found, err := actions(ctx, q, where, args...)
	if err != nil {
		return nil, err
	}
	for _, a := range found {
		r := spare{
			Org: d.Org, User: d.User, UserName: d.UserName, Device: a.Device, Seq: a.Seq,
			Work: boxedWork{ID: a.ID, Kind: a.Kind, Args: a.Args, At: a.DeviceTime},
		}
		err := each(ctx, q, func(scan func(...any) error) error {
			f := boxedBytes{Mutation: a.ID}
			var id []byte
			err := scan(&id, &f.SHA256, &f.Size, &f.Media)
			f.ID = idOf(id)
			r.Files = append(r.Files, f)
			return err
		}, `SELECT id, sha256, size, media FROM file WHERE mutation = ? AND state IN (1, 2)`, a.ID[:])
		if err != nil {
			return nil, err
		}
		b, err := json.Marshal(r)
		if err != nil {
			return nil, err
		}
		records = append(records, spareMagic...)
		records = binary.BigEndian.AppendUint32(records, uint32(len(b)))
		records = binary.BigEndian.AppendUint32(records, crc32.Checksum(b, castagnoli))
		records = append(records, b...)
	}
	return records, nil
}

// renewSpare writes the copy anew: what waits, what has a file to send, and the newest action, for the numbers count on
// from it. Nobody else writes meanwhile: this holds the database's write lock, and who adds does so after its own
// commit.
func (s *Store) renewSpare(ctx context.Context) error {
	return s.transact(ctx, func(tx *sql.Tx) error {
		records, err := s.spares(ctx, tx, `WHERE known IS NULL OR id IN (SELECT mutation FROM file WHERE state IN (1, 2))
			OR n = (SELECT max(n) FROM outbox) ORDER BY n`)
		if err != nil {
			return err
		}
		if len(records) == 0 {
			if err := os.Remove(s.sparePath()); !errors.Is(err, os.ErrNotExist) {
				return err
			}
			return nil
		}
		next := s.sparePath() + ".new"
		if err := os.WriteFile(next, records, 0o600); err != nil {
			return err
		}
		return os.Rename(next, s.sparePath())
	})
}

// trimSpare writes a large copy anew when all is with the server.
func (s *Store) trimSpare(ctx context.Context) error {
	if info, err := os.Stat(s.sparePath()); err != nil || info.Size() < spareLarge {
		return nil //nolint:nilerr // nothing to trim
	}
	if u, err := s.Unsent(ctx); err != nil || !u.Empty() {
		return err
	}
	return s.renewSpare(ctx)
}

// readSpares reads the records of a folder that are whole, each action once, in its last words.
func readSpares(dir string) ([]spare, error) {
	b, err := os.ReadFile(filepath.Join(dir, spareName))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []spare
	place := map[uuid.UUID]int{}
	for {
		i := bytes.Index(b, []byte(spareMagic))
		if i < 0 {
			return out, nil
		}
		b = b[i+len(spareMagic):]
		if len(b) < 8 {
			return out, nil
		}
		n, sum := uint64(binary.BigEndian.Uint32(b)), binary.BigEndian.Uint32(b[4:])
		if uint64(len(b)) < 8+n || crc32.Checksum(b[8:8+n], castagnoli) != sum {
			continue // the next record begins behind this mark, wherever it is
		}
		var r spare
		if json.Unmarshal(b[8:8+n], &r) == nil {
			if at, ok := place[r.Work.ID]; ok {
				out[at] = r
			} else {
				place[r.Work.ID] = len(out)
				out = append(out, r)
			}
		}
		b = b[8+n:]
	}
}

// catchUp brings back actions at the end of the spare copy that the database has lost, under their old numbers:
// somebody removed its log (store.db-wal), or put an older file in its place. A copy that is missing is made.
func (s *Store) catchUp(ctx context.Context) error {
	kept, err := readSpares(s.Dir)
	if err != nil {
		return err
	}
	if len(kept) == 0 {
		return s.renewSpare(ctx)
	}
	return s.transact(ctx, func(tx *sql.Tx) error {
		device, err := getMeta(ctx, tx, metaDevice)
		if err != nil {
			return err
		}
		var last uint64
		if err := tx.QueryRowContext(ctx, `SELECT coalesce(max(seq), 0) FROM outbox
			WHERE device = ?`, device).Scan(&last); err != nil {
			return err
		}
		for _, r := range kept {
			if r.Device != idOf(device) || r.Seq <= last {
				continue
			}
			if err := insertWork(ctx, tx, device, r.Seq,
				Mutation{ID: r.Work.ID, Kind: r.Work.Kind, Args: r.Work.Args, DeviceTime: r.Work.At}); err != nil {
				return err
			}
			if err := insertFiles(ctx, tx, r.Files, r.Work.At); err != nil {
				return err
			}
		}
		return nil
	})
}
