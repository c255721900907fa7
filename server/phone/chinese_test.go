package phone

import (
	"io"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/doorstep-dev/doorstep/internal/help"
)

func TestEveryHelpIsSaidInChinese(t *testing.T) {
	t.Parallel()
	look := kong.PostBuild(func(k *kong.Kong) error {
		for _, wrong := range chinese.Check(k, "WebP", "all") {
			t.Error(wrong)
		}
		return nil
	})
	c := Console{Out: io.Discard, Err: io.Discard, Getenv: func(string) string { return "" }}
	if _, err := newParser(&grammar{}, c, help.English, "doorstep phone", introduction, look); err != nil {
		t.Fatal(err)
	}
}
