package command

import (
	"io"
	"testing"

	"github.com/alecthomas/kong"
)

func TestEveryHelpIsSaidInChinese(t *testing.T) {
	t.Parallel()
	look := kong.PostBuild(func(k *kong.Kong) error {
		for _, english := range chinese.Missing(k) {
			t.Errorf("%q has no Chinese", english)
		}
		for _, english := range chinese.Unused(k) {
			t.Errorf("%q is shown nowhere", english)
		}
		return nil
	})
	c := Console{Out: io.Discard, Err: io.Discard, Getenv: func(string) string { return "" }}
	if _, err := newParser(&grammar{}, c, look); err != nil {
		t.Fatal(err)
	}
}
