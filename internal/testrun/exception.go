package main

import (
	"fmt"
	"path"
	"strings"
)

// exception names tests that may be skipped: a package and a test, both with * as in path.Match.
type exception struct{ pkg, test, reason string }

// exceptions reads a list: package, test and reason on a line, # before a remark.
func exceptions(text string) ([]exception, error) {
	var all []exception
	number := 0
	for line := range strings.Lines(text) {
		number++
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		if len(words) < 3 {
			return nil, fmt.Errorf("line %d: want package, test and reason", number)
		}
		e := exception{pkg: words[0], test: words[1], reason: strings.Join(words[2:], " ")}
		for _, pattern := range []string{e.pkg, e.test} {
			if _, err := path.Match(pattern, ""); err != nil {
				return nil, fmt.Errorf("line %d: %w", number, err)
			}
		}
		all = append(all, e)
	}
	return all, nil
}

func (e exception) covers(n name) bool {
	short := strings.TrimPrefix(n.pkg, module)
	inPackage, _ := path.Match(e.pkg, short) // exceptions has tried the pattern
	if e.pkg == "..." {
		inPackage = true
	}
	test, _ := path.Match(e.test, n.test)
	return inPackage && test
}
