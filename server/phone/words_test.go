package phone

import "testing"

func TestWordsOfStrangersDoNotSteerTheTerminal(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"王女士\tA\nB":                      "王女士\tA\nB",
		"\x1b[31mred\x1b[0m":             "\x1b[31mred\x1b[0m",
		"a\x1b]0;title\x07b\x00\x1b[2Jc": "a]0;titleb[2Jc",
		"\u009b2Jx\r":                    "2Jx",
	} {
		if got := Harmless(in); got != want {
			t.Errorf("Harmless(%q) = %q, want %q", in, got, want)
		}
	}
}
