package command

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/doorstep-dev/doorstep/server/local"
	"github.com/doorstep-dev/doorstep/server/local/failure"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

type clean struct {
	Data string `name:"data" env:"DOORSTEP_DATA" default:".doorstep" type:"path" help:"Folder of the embedded services (.doorstep)."`
}

// Help is shown by doorstep clean --help.
func (clean) Help() string {
	return `Stop what runs on the folder first; a folder in use is refused.

  doorstep clean
  doorstep clean --data /var/lib/doorstep-trial`
}

// Run forgets what the embedded services hold, and refuses while they run. It removes what Doorstep has made and
// nothing else: a folder that was given by mistake loses nothing.
func (f *clean) Run(c Console) error {
	if err := local.Clean(f.Data); err != nil {
		return err
	}
	for _, name := range []string{"secret", "running.json"} {
		if err := os.Remove(filepath.Join(f.Data, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fault.Wrap(err, failure.Folder, "%s", f.Data)
		}
	}
	err := os.Remove(f.Data)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTEMPTY) {
		return fault.Wrap(err, failure.Folder, "%s", f.Data)
	}
	if errors.Is(err, syscall.ENOTEMPTY) {
		c.Say("The company's data in %s is forgotten. What else lies there, phones with perhaps unsent work, stays.",
			"已清除 %s 中的公司数据。其中的其他内容（例如手机，可能有未发送的工作）予以保留。", f.Data)
		return nil
	}
	c.Say("Forgotten: %s.", "已清除：%s。", f.Data)
	return nil
}
