package command

import (
	"runtime/debug"
	"strings"
)

// version is the module's version and the commit it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "doorstep (unknown)"
	}
	parts := []string{"doorstep", info.Main.Version}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			parts = append(parts, s.Value[:12])
		}
	}
	return strings.Join(append(parts, info.GoVersion), " ")
}
