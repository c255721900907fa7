package archtest

import (
	"bytes"
	"path"
	"regexp"
	"testing"
	"unicode/utf8"
)

// foreign is what belongs to one machine or one person and never to the source. The pieces are put together
// here so that this file does not hold them itself.
var foreign = []*regexp.Regexp{
	regexp.MustCompile(`(^|[\s"'=(` + "`" + `])/` + `work/`),
	regexp.MustCompile(`/` + `home/[a-z]+/`),
	regexp.MustCompile(`/` + `Users/[A-Za-z]+/`),
	regexp.MustCompile(`/` + `root/[a-z.]`),
	regexp.MustCompile(`-----BEGIN [A-Z ]*` + `PRIVATE KEY-----`),
}

func TestNoMachinesPathsOrKeysAreInTheTree(t *testing.T) {
	t.Parallel()
	walk(t, func(name string, read func() []byte) {
		switch path.Ext(name) {
		case ".png", ".jpg", ".heic", ".xlsx", ".pdf", ".ttf", ".woff2", ".sum":
			return
		}
		if path.Base(name) == ".git" { // a working copy beside the main one has a file of that name
			return
		}
		raw := read()
		if !utf8.Valid(raw[:min(len(raw), 4096)]) && bytes.IndexByte(raw, 0) >= 0 {
			return
		}
		for _, f := range foreign {
			if m := f.Find(raw); m != nil {
				t.Errorf("%s holds %q", name, m)
			}
		}
	})
}
