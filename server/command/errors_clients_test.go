package command_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

func TestClientsSayWhatTheListSays(t *testing.T) {
	t.Parallel()
	spoken := map[string][2]string{}
	for _, d := range fault.Definitions() {
		spoken[string(d.Code)] = [2]string{d.English, d.Chinese}
	}
	joined := regexp.MustCompile(`"\s*\+\s*"`)
	for path, pair := range map[string]*regexp.Regexp{
		"../../clientgen/typescript/offline/src/fault.ts": regexp.MustCompile(
			`(\w+): \[\s*"([^"]*)",\s*"([^"]*)",?\s*\]`),
		"../../clientgen/kotlin/offline/src/main/kotlin/dev/doorstep/offline/Fault.kt": regexp.MustCompile(
			`Fault\.(\w+) to Pair\(\s*"([^"]*)",\s*"([^"]*)",?\s*\)`),
	} {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		found := pair.FindAllStringSubmatch(joined.ReplaceAllString(string(b), ""), -1)
		if len(found) < 10 {
			t.Errorf("%s: %d sentences are found", path, len(found))
		}
		for _, f := range found {
			if code := strings.ToLower(f[1]); spoken[code] != [2]string{f[2], f[3]} {
				t.Errorf("%s: %s is %q, %q; the list says %q", path, code, f[2], f[3], spoken[code])
			}
		}
	}
}
