package offline

import (
	"errors"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// local gives an error of the device's own storage its code: the store is damaged, the disk is full, or it cannot be
// used. Other errors are nil here.
func local(err error) *fault.Error {
	var db *sqlite.Error
	if errors.As(err, &db) {
		switch db.Code() & 0xff { // the rest says where SQLite noticed
		case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
			return damaged(err)
		case sqlite3.SQLITE_FULL:
			return fault.As(fault.Wrap(err, fault.StoreFull, ""))
		case sqlite3.SQLITE_IOERR:
			if db.Code() == sqlite3.SQLITE_IOERR_SHORT_READ {
				return damaged(err)
			}
			return fault.As(fault.Wrap(err, fault.StoreUnusable, ""))
		case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_BUSY,
			sqlite3.SQLITE_LOCKED:
			return fault.As(fault.Wrap(err, fault.StoreUnusable, ""))
		}
	}
	var known *fault.Error
	if errors.As(err, &known) && known.Code == fault.StoreDamaged {
		return known
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fault.As(fault.Wrap(err, fault.StoreFull, ""))
	}
	return nil
}

func damaged(err error) *fault.Error { return fault.As(fault.Wrap(err, fault.StoreDamaged, "")) }

// unusable is an error of the folder: StoreFull when that is why, else StoreUnusable.
func unusable(err error, where string) error {
	if known := local(err); known != nil {
		return fault.Wrap(err, fault.CodeOf(known), "%s", where)
	}
	return fault.Wrap(err, fault.StoreUnusable, "%s", where)
}
