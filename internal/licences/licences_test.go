package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestALicenceIsToldByItsWords(t *testing.T) {
	t.Parallel()
	const mit = "Permission is hereby granted, free of charge, to any person\nto deal in it without restriction"
	for _, c := range []struct{ text, want string }{
		{mit, "MIT"},
		{"Apache License\n  Version 2.0, January 2004", "Apache-2.0"},
		{"Mozilla Public License Version 2.0 … or the GNU General Public License, Version 2.0", "MPL-2.0"},
		{"Redistributions of source code must retain … Neither the name of", "BSD-3-Clause"},
		{"Redistributions of source code must retain", "BSD-2-Clause"},
		{"GNU AFFERO GENERAL PUBLIC LICENSE", ""},
		{mit + " and parts under the GNU Lesser General Public License", ""},
		{"All rights reserved.", ""},
		{"", ""},
	} {
		got, err := tell(c.text)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%.40q: %q, %v; want %q", c.text, got, err, c.want)
		}
	}
}

func TestAModuleWithoutALicenceIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if id, err := of(dir); err == nil {
		t.Errorf("nothing is %s", id)
	}
	if err := os.WriteFile(filepath.Join(dir, "COPYING"), []byte("GNU GENERAL PUBLIC LICENSE"), 0o600); err != nil {
		t.Fatal(err)
	}
	if id, err := of(dir); err == nil {
		t.Errorf("the GPL is %s", id)
	}
}
