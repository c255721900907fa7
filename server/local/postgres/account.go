package postgres

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/doorstep-dev/doorstep/server/local/failure"
	"github.com/doorstep-dev/doorstep/server/local/process"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// account is who PostgreSQL runs as: ourselves (zero value), or another when we are root.
type account struct {
	other    bool
	uid, gid int
	name     string
}

func runner() (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, uidErr := strconv.Atoi(u.Uid)
		gid, gidErr := strconv.Atoi(u.Gid)
		if uidErr == nil && gidErr == nil && uid != 0 {
			return account{other: true, uid: uid, gid: gid, name: name}, nil
		}
	}
	return account{}, fault.New(failure.ToolMissing, "an account that is not root: postgres or nobody")
}

// attributes have PostgreSQL run as the account, in a process group of its own.
func (a account) attributes() *syscall.SysProcAttr {
	if !a.other {
		return process.Group(false)
	}
	return process.As(a.uid, a.gid)
}

func (a account) own(path string) error {
	if !a.other {
		return nil
	}
	return os.Chown(path, a.uid, a.gid)
}

// canReach tells whether the account may walk down to dir.
func (a account) canReach(dir string) error {
	if !a.other {
		return nil
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return folderFault(err, dir)
	}
	for p := abs; ; p = filepath.Dir(p) {
		info, err := os.Stat(p)
		if err != nil && !os.IsNotExist(err) {
			return folderFault(err, p)
		}
		if err == nil && !a.mayPass(info) {
			return fault.New(failure.Folder, "%s: account %s, that PostgreSQL runs as, may not enter %s", abs, a.name, p)
		}
		if p == filepath.Dir(p) {
			return nil
		}
	}
}

func (a account) mayPass(info os.FileInfo) bool {
	uid, gid, ok := process.Owner(info)
	switch {
	case !ok:
		return true
	case uid == a.uid:
		return info.Mode()&0o100 != 0
	case gid == a.gid:
		return info.Mode()&0o010 != 0
	}
	return info.Mode()&0o001 != 0
}

// Place is where a data folder that is wanted at dir can really lie: dir itself, or, when we are root and dir is
// below a folder that PostgreSQL's account may not enter (such as /root), a folder of its own below /var/lib.
// moved tells that it is not dir.
func Place(dir string) (place string, moved bool, err error) {
	a, err := runner()
	if err != nil {
		return "", false, err
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", false, folderFault(err, dir)
	}
	if a.canReach(abs) == nil {
		return abs, false, nil
	}
	sum := sha256.Sum256([]byte(abs))
	return filepath.Join("/var/lib/doorstep", hex.EncodeToString(sum[:6]), filepath.Base(abs)), true, nil
}
