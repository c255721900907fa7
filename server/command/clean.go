package command

import (
	"os"

	"github.com/doorstep-dev/doorstep/internal/fault"
	"github.com/doorstep-dev/doorstep/server/local"
)

type clean struct {
	Data string `name:"data" env:"DOORSTEP_DATA" default:".doorstep" type:"path" help:"Folder of the embedded services (.doorstep)."`
}

// Run forgets what the embedded services hold, and refuses while they run.
func (f *clean) Run(c Console) error {
	if err := local.Clean(f.Data); err != nil {
		return err
	}
	// What is left is small and ours: the secret, the addresses, the built binary.
	if err := os.RemoveAll(f.Data); err != nil {
		return fault.Wrap(err, fault.LocalFolder, "%s", f.Data)
	}
	c.Say("Forgotten: %s.", "已清除：%s。", f.Data)
	return nil
}
