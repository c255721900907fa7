package command

import (
	"io"
	"testing"

	"github.com/alecthomas/kong"
)

func TestEveryHelpIsSaidInChinese(t *testing.T) {
	t.Parallel()
	look := kong.PostBuild(func(k *kong.Kong) error {
		for _, wrong := range chinese.Check(k, "Doorstep", "PostgreSQL", "Prometheus", "Citus", "TrueType", "X-Forwarded-For",
			"dispatcher", "clerk", "technician", "received", "plain", "a-z") {
			t.Error(wrong)
		}
		return nil
	})
	c := Console{Out: io.Discard, Err: io.Discard, Getenv: func(string) string { return "" }}
	if _, err := newParser(&grammar{}, c, look); err != nil {
		t.Fatal(err)
	}
}
