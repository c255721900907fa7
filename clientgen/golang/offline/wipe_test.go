package offline_test

import (
	"bytes"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/synctest"
)

// left counts the ids that are anywhere in the files of a store, and its photos.
func left(t *testing.T, p *phone, ids []uuid.UUID) (found, photos int) {
	t.Helper()
	for _, name := range []string{"store.db", "store.db-wal", "store.db-shm"} {
		b, err := os.ReadFile(filepath.Join(p.Store.Dir, name))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		for _, id := range ids {
			if bytes.Contains(b, []byte(id.String())) || bytes.Contains(b, id[:]) { // in a body, or as a key
				found++
			}
		}
	}
	kept, err := os.ReadDir(filepath.Join(p.Store.Dir, "files"))
	if err != nil {
		t.Fatal(err)
	}
	return found, len(kept)
}

// Names, addresses and photos of customers are gone from the disk when the app says that they are.
func TestAWipedPhoneHoldsNothingOfItsCustomers(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(o *office, p *phone) error{
		"logged out": func(_ *office, p *phone) error { return p.Store.Logout(t.Context()) },
		"handed over": func(_ *office, p *phone) error {
			b, err := p.Store.Export(t.Context(), &bytes.Buffer{}, "a passphrase")
			if err == nil {
				err = p.Store.HandOver(t.Context(), b)
			}
			return err
		},
		"revoked": func(o *office, p *phone) error {
			d, err := p.Store.Device(t.Context())
			if err != nil {
				return err
			}
			o.mu.Lock()
			o.revoked[d.ID] = true
			o.mu.Unlock()
			if r, err := p.Sync(t.Context()); offline.CodeOf(err) != fault.DeviceRevoked || !r.Wiped {
				t.Errorf("%+v, %v", r, err)
			}
			return nil
		},
		"another's": func(o *office, p *phone) error {
			other, _ := o.worker(t, 0)
			_, err := p.Enrol(t.Context(), o.url, other.String())
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, s := openOffice(t), openShelf(t)
			user, items := o.worker(t, 30)
			p := o.phone(t, user, nil)
			p.Uploads = s
			p.photo(s, 500)
			p.do("add", synctest.Args{Item: items[0]})
			p.sync()
			if found, photos := left(t, p, items); found < len(items) || photos != 1 {
				t.Fatalf("%d ids, %d photos before", found, photos)
			}
			if err := end(o, p); err != nil {
				t.Fatal(err)
			}
			if found, photos := left(t, p, items); found > 0 || photos > 0 {
				t.Errorf("%d ids and %d photos are still on the disk", found, photos)
			}
		})
	}
}

func TestAWipeThatWasCutOffIsMadeUpForAtTheNextStart(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	user, items := o.worker(t, 30)
	p := o.phone(t, user, nil)
	p.sync()
	if err := p.Store.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(p.Store.Dir, "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), `DELETE FROM entry; INSERT INTO meta VALUES ('scrub', x'01')`)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if found, _ := left(t, p, items); found == 0 {
		t.Fatal("deleted rows leave nothing behind: the test shows nothing")
	}
	again, err := offline.Open(t.Context(), o.options(p.Store.Dir))
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if found, _ := left(t, p, items); found > 0 {
		t.Errorf("%d ids are still on the disk", found)
	}
}
