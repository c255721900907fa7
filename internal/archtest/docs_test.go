package archtest

import (
	"regexp"
	"strings"
	"testing"
)

var (
	testName     = regexp.MustCompile("`(Test[A-Z]\\w+)`")
	scenarioName = regexp.MustCompile("`([a-z0-9-]+\\.json)`")
	testFunc     = regexp.MustCompile(`(?m)^func (Test[A-Z]\w+)\(`)
)

// A document that names a test which shows something stays true only while there is that test.
func TestTestsThatTheDocumentsNameExist(t *testing.T) {
	t.Parallel()
	exists, named := map[string]bool{}, map[string]string{}
	walk(t, func(name string, read func() []byte) {
		switch {
		case strings.HasSuffix(name, "_test.go"):
			for _, m := range testFunc.FindAllSubmatch(read(), -1) {
				exists[string(m[1])] = true
			}
		case strings.HasSuffix(name, ".json"):
			exists[name[strings.LastIndexByte(name, '/')+1:]] = true
		case strings.HasPrefix(name, "docs/") && strings.HasSuffix(name, ".md"):
			for _, m := range append(testName.FindAllSubmatch(read(), -1), scenarioName.FindAllSubmatch(read(), -1)...) {
				named[string(m[1])] = name
			}
		}
	})
	if len(named) == 0 {
		t.Fatal("the documents name no test")
	}
	for test, where := range named {
		if !exists[test] {
			t.Errorf("%s names %s, which does not exist", where, test)
		}
	}
}
