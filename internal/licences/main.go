// Command licences checks that every module that Doorstep's programs are built from is under a licence that it may
// ship. It reads the licence files of the module cache and asks nobody.
//
//	go run ./internal/licences [-list]
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	list := flag.Bool("list", false, "print each module with its licence")
	flag.Parse()
	modules, err := used()
	if err != nil {
		fmt.Fprintln(os.Stderr, "licences:", err)
		os.Exit(1)
	}
	bad := 0
	for _, m := range modules {
		id, err := of(m.dir)
		if err != nil {
			bad++
			fmt.Fprintf(os.Stderr, "%s %s: %v\n", m.path, m.version, err)
			continue
		}
		if *list {
			fmt.Println(m.path, m.version, id)
		}
	}
	if bad > 0 {
		fmt.Fprintf(os.Stderr, "%d of %d modules are under no licence that internal/licences allows\n", bad, len(modules))
		os.Exit(1)
	}
}

type module struct{ path, version, dir string }

// used are the modules whose packages the programs, the generators and the tests of this one are built from.
func used() ([]module, error) {
	cmd := exec.Command("go", "list", "-deps", "-test", "-f",
		"{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}{{end}}", "./...", "tool")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var all []module
	for line := range strings.Lines(string(out)) {
		if path, rest, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
			version, dir, _ := strings.Cut(rest, "\t")
			all = append(all, module{path, version, dir})
		}
	}
	slices.SortFunc(all, func(a, b module) int { return strings.Compare(a.path, b.path) })
	return slices.Compact(all), nil
}

// known are the licences of what an Apache-2.0 program may be built from, by the words that tell them. The first that
// fits counts.
var known = []struct {
	id    string
	words []string
}{
	{"Apache-2.0", []string{"apache license", "version 2.0"}},
	{"Apache-2.0", []string{"licensed under the apache license, version 2.0"}},
	{"MPL-2.0", []string{"mozilla public license", "2.0"}},
	{"BSD-3-Clause", []string{"redistributions of source code must retain", "name"}},
	{"BSD-2-Clause", []string{"redistributions of source code must retain"}},
	{"MIT", []string{"permission is hereby granted, free of charge", "without restriction"}},
	{"ISC", []string{"permission to use, copy, modify, and", "distribute this software for any purpose"}},
	{"Unlicense", []string{"this is free and unencumbered software released into the public domain"}},
	{"public domain", []string{"into the public domain", "you can do whatever you want"}},
}

// refused are words of licences that ask more of whoever ships the program.
var refused = []string{
	"gnu general public license", "gnu lesser general public license", "gnu affero",
	"server side public license", "business source license",
}

var errNoFile = errors.New("has no licence file")

// of tells under which licence a folder is.
func of(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	found := errNoFile
	for _, e := range entries {
		name := strings.ToLower(e.Name())
		if e.IsDir() || !strings.Contains(name, "licen") && !strings.HasPrefix(name, "copying") &&
			!strings.HasPrefix(name, "unlicense") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return "", err
		}
		id, err := tell(string(text))
		if err == nil {
			return id, nil
		}
		found = fmt.Errorf("%s: %w", e.Name(), err)
	}
	return "", found
}

// tell names the licence of a text.
func tell(text string) (string, error) {
	text = strings.Join(strings.Fields(strings.ToLower(text)), " ")
	id := ""
	for _, l := range known {
		if !slices.ContainsFunc(l.words, func(w string) bool { return !strings.Contains(text, w) }) {
			id = l.id
			break
		}
	}
	for _, w := range refused {
		// The MPL itself names the licences that it goes together with.
		if id != "MPL-2.0" && strings.Contains(text, w) {
			return "", fmt.Errorf("is under a licence that is not allowed (%s)", w)
		}
	}
	if id == "" {
		return "", errors.New("is in words that are not known")
	}
	return id, nil
}
