package objectstore

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/doorstep-dev/doorstep/server/local/failure"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// ProgramName is the file name of the store's program.
var ProgramName = programName(runtime.GOOS)

func programName(goos string) string {
	if goos == "windows" {
		return "doorstep-store.exe"
	}
	return "doorstep-store"
}

// Find returns the path of doorstep-store: beside this program, else the first on PATH. Where there is none, it is
// LocalToolMissing, and the detail says what to do.
func Find() (string, error) {
	exe, err := os.Executable()
	if err != nil {
		exe = ""
	}
	return find(exe, exec.LookPath)
}

func find(exe string, lookPath func(string) (string, error)) (string, error) {
	exe = strings.TrimSuffix(exe, " (deleted)") // Linux says so of a program that was built anew
	if exe != "" {
		if real, err := filepath.EvalSymlinks(exe); err == nil {
			exe = real
		}
		beside := filepath.Join(filepath.Dir(exe), ProgramName)
		if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() {
			return beside, nil
		}
	}
	onPath, err := lookPath(ProgramName)
	if err == nil {
		// The child's folder is not ours: a relative path would lead elsewhere.
		onPath, err = filepath.Abs(onPath)
	}
	if err != nil {
		return "", fault.Wrap(err, failure.ToolMissing, "doorstep-store is neither in %s nor on PATH: put it there "+
			"(make build builds both programs), or give DOORSTEP_DATABASE_URL and DOORSTEP_S3_ENDPOINT", filepath.Dir(exe))
	}
	return onPath, nil
}
