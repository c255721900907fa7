package refusal

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
)

func TestEveryReasonSpeaksBothLanguages(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^[a-z_]+$`)
	for _, c := range Codes() {
		s, ok := Of(c)
		if !ok || s.Chinese == "" || s.English == "" || !form.MatchString(string(c)) {
			t.Errorf("%s: %+v", c, s)
		}
	}
}

func TestAReportRunsNothingInASpreadsheet(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	r, err := NewReport(&b)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Add(Refusal{Line: 2, Column: "金额", Value: `=HYPERLINK("x")`, Code: MoneyMalformed}); err != nil {
		t.Fatal(err)
	}
	if err := r.Flush(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), `"'=HYPERLINK`) || !strings.HasPrefix(b.String(), "\ufeff") {
		t.Error(b.String())
	}
}

func TestShownValuesAreShortAndHarmless(t *testing.T) {
	t.Parallel()
	if got := Shorten("a\nb\x1b[31m\u202ec"); got != "a b\ufffd[31m\ufffdc" {
		t.Errorf("%q", got)
	}
	if got := Shorten(strings.Repeat("王", 100)); len([]rune(got)) != 61 {
		t.Errorf("%q", got)
	}
}
