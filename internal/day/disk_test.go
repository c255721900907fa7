package day

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
)

// smallDisk is a folder on a disk of its own with so many bytes.
func smallDisk(t *testing.T, options string) string {
	t.Helper()
	//nolint:usetesting // t.TempDir lies in a folder that is root's alone
	dir, err := os.MkdirTemp("", "doorstep-day-disk-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Remove(dir); err != nil {
			t.Error(err)
		}
	})
	if err := mount(dir, options); err != nil {
		t.Skipf("this machine lets us mount no small disk: %v", err)
	}
	t.Cleanup(func() {
		if err := unmount(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func TestAFullDiskOfTheDatabaseLosesNothing(t *testing.T) {
	t.Parallel()
	onlyInFaults(t)
	disk := smallDisk(t, "size=192m,mode=0711")
	database := pgtest.OwnIn(t, disk)
	s := gather(t, database)
	filler := filepath.Join(disk, "filler")
	for range rounds(t) {
		s.strike(disaster{
			name: "database: disk full",
			hit:  func() { s.must(fill(filler)) },
			seen: func() {
				before := s.hands[0].troubles()
				await(t, "a phone to be refused", func() bool {
					s.hands[0].note()
					return s.hands[0].troubles() > before
				})
			},
			heal: func() {
				s.must(os.Remove(filler))
				database.Revive(t)
			},
			back: func() bool { return answers(t.Context(), database.URL) },
		})
	}
	s.account()
}

// fill writes until the disk is full.
func fill(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	block := make([]byte, 64<<10)
	for size := len(block); size > 0; size /= 2 {
		for err == nil {
			_, err = f.Write(block[:size])
		}
		if !errors.Is(err, syscall.ENOSPC) {
			return err
		}
		err = nil
	}
	return f.Close()
}
