package offline

import (
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// freshPrefix begins the name of a lock file that says: its program has written bytes and may not have announced them
// yet.
const freshPrefix = "fresh-"

// fresh are the names of bytes that this program has written and may not have announced yet. While there are some,
// other programs on the same folder leave all bytes alone that no row names.
type fresh struct {
	mutex  sync.Mutex
	names  map[string]bool
	mark   string
	unlock func() error
}

func (f *fresh) add(dir, name string) error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	for f.unlock == nil {
		mark := filepath.Join(dir, freshPrefix+uuid.NewString())
		unlock, err := lock(mark, false)
		if CodeOf(err) == fault.StoreLocked {
			continue // a sweep was faster and takes the mark for that of a program that died
		}
		if err != nil {
			return err
		}
		if _, err := os.Stat(mark); err != nil {
			_ = unlock() // likewise
			continue
		}
		f.mark, f.unlock = mark, unlock
	}
	if f.names == nil {
		f.names = map[string]bool{}
	}
	f.names[name] = true
	return nil
}

// forget is called when a row names the bytes, or when they are gone.
func (f *fresh) forget(name string) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	delete(f.names, name)
	if len(f.names) == 0 {
		_ = f.end() // the lock goes with the file's closing, whatever that says
	}
}

func (f *fresh) has(name string) bool {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.names[name]
}

// close gives up what was not announced.
func (f *fresh) close() error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	clear(f.names)
	return f.end()
}

func (f *fresh) end() error {
	if f.unlock == nil {
		return nil
	}
	_ = os.Remove(f.mark) // what stays is removed by the next sweep
	err := f.unlock()
	f.unlock, f.mark = nil, ""
	return err
}

// elsewhere tells whether another program has bytes that it may announce. Marks of programs that died are removed.
func (f *fresh) elsewhere(dir string) (bool, error) {
	f.mutex.Lock()
	own := f.mark
	f.mutex.Unlock()
	found, err := os.ReadDir(dir)
	if err != nil {
		return false, err
	}
	for _, e := range found {
		path := filepath.Join(dir, e.Name())
		if !strings.HasPrefix(e.Name(), freshPrefix) || path == own {
			continue
		}
		unlock, err := lock(path, false)
		if CodeOf(err) == fault.StoreLocked {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		gone := os.Remove(path) // before the lock is given back, see add; some systems can only after that
		if err := unlock(); err != nil {
			return false, err
		}
		if gone != nil {
			_ = os.Remove(path)
		}
	}
	return false, nil
}
