package local

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/gofrs/flock"

	"github.com/doorstep-dev/doorstep/server/local/failure"
	"github.com/doorstep-dev/doorstep/server/local/postgres"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// settle tells where PostgreSQL's data of the folder dir lies. When that is elsewhere, dir/elsewhere names the
// place: whoever removes dir by hand begins anew, and does not meet old data under new secrets.
func settle(dir string) (place string, moved bool, err error) {
	wanted := filepath.Join(dir, "postgres")
	place, moved, err = postgres.Place(wanted)
	if err != nil || !moved {
		return place, moved, err
	}
	marker := filepath.Join(dir, "elsewhere")
	raw, err := os.ReadFile(marker)
	if err == nil {
		return strings.TrimSpace(string(raw)), true, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", true, folderFault(err, marker)
	}
	random := make([]byte, 4)
	if _, err := rand.Read(random); err != nil {
		return "", true, fault.Wrap(err, failure.Start, "")
	}
	place = filepath.Join(filepath.Dir(place)+"-"+hex.EncodeToString(random), filepath.Base(place))
	if err := os.WriteFile(marker, []byte(place+"\n"), 0o600); err != nil {
		return "", true, folderFault(err, marker)
	}
	return place, true, nil
}

// Clean forgets all data that Start has kept for dir, also where it lies elsewhere. It touches nothing that Start
// did not make, and nothing at all in a folder that Start never used. It is LocalRunning when the services run.
func Clean(dir string) error {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return fault.Wrap(err, failure.Folder, "%s", dir)
	}
	locked := filepath.Join(abs, "lock")
	if _, err := os.Stat(locked); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	lock := flock.New(locked)
	free, err := lock.TryLock()
	if err != nil {
		return folderFault(err, abs)
	}
	if !free {
		return fault.New(failure.Running, "%s", abs)
	}
	defer lock.Close()
	place, _, err := settle(abs)
	if err != nil {
		return err
	}
	above := filepath.Dir(place)
	for _, p := range []string{
		place, filepath.Join(above, "programs"), filepath.Join(abs, "store"), filepath.Join(abs, "elsewhere"), locked,
	} {
		if err := os.RemoveAll(p); err != nil {
			return folderFault(err, p)
		}
	}
	for _, p := range []string{above, abs} {
		err := os.Remove(p)
		if err != nil && !errors.Is(err, syscall.ENOTEMPTY) && !errors.Is(err, fs.ErrNotExist) {
			return folderFault(err, p)
		}
	}
	return nil
}
