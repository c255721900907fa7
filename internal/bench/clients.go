package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// clients measures what the clients of other languages do with a first sync. Their own tests measure; here their
// figures are put down.
func (b *bench) clients() error {
	if err := b.typescript(); err != nil {
		return err
	}
	return b.kotlin()
}

// kotlin has a JVM apply the pages of a first sync: stage each, show them at the checkpoint, compare the digest.
func (b *bench) kotlin() error {
	out, err := b.measured("SPEED_OUT", ".ci/kotlin", "SpeedTest")
	if err != nil {
		return err
	}
	var got struct {
		Entries int       `json:"entries"`
		Body    int       `json:"body"` // bytes
		Took    []float64 `json:"took"` // milliseconds
	}
	if err := json.Unmarshal(out, &got); err != nil {
		return fmt.Errorf("figures of the Kotlin client: %w", err)
	}
	if len(got.Took) == 0 {
		return errors.New("the Kotlin client was not measured")
	}
	lo, mid, hi := minMedianMax(got.Took)
	b.report.add(fmt.Sprintf("Kotlin client applies %d entries of %d bytes to SQLite, JVM", got.Entries, got.Body),
		"≥ 20,000 rows/s", fmt.Sprintf("**%.0f rows/s** (%.0f–%.0f ms)", float64(got.Entries)*1000/mid, lo, hi))
	return nil
}

// typescript has Chromium play a recorded first sync into IndexedDB, as fast as it can and slowed six times.
func (b *bench) typescript() error {
	out, err := b.measured("SPEED_OUT", ".ci/typescript", "browser/test/speed")
	if err != nil {
		return err
	}
	var got struct {
		Entities int                  `json:"entities"`
		Bytes    int                  `json:"bytes"`
		Took     map[string][]float64 `json:"took"` // milliseconds by how much slower the processor was made
	}
	if err := json.Unmarshal(out, &got); err != nil {
		return fmt.Errorf("figures of the TypeScript client: %w", err)
	}
	for _, c := range []struct{ rate, name, budget string }{
		{"6", "slowed six times", "≤ 2 s"},
		{"1", "not slowed", ""},
	} {
		took := got.Took[c.rate]
		if len(took) == 0 {
			return fmt.Errorf("the TypeScript client was not measured %s: is there a Chromium?", c.name)
		}
		lo, mid, hi := minMedianMax(took)
		b.report.add(fmt.Sprintf("TypeScript client applies %d entries of %d KB to IndexedDB, Chromium %s",
			got.Entities, got.Bytes>>10, c.name),
			c.budget, fmt.Sprintf("**%.0f ms** (%.0f–%.0f)", mid, lo, hi))
	}
	return nil
}

// measured runs a script of the tests, which writes its figures into the file that the environment names.
func (b *bench) measured(env, script string, args ...string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "doorstep-figures-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "figures.json")
	cmd := exec.CommandContext(b.ctx, script, args...) //nolint:gosec // a script of this repository
	cmd.Env = slices.Concat(os.Environ(), []string{env + "=" + path})
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%s: %w", script, err)
	}
	return os.ReadFile(path)
}
