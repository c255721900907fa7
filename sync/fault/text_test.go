package fault

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var _ = Translate(map[string]string{
	"test: %s has %s of %s": "测试：%[3]s 中 %[1]s 有 %[2]s",
	"test: %s stands":       "测试：%s",
	"test word":             "测试词",
})

func TestATextIsSaidInBothLanguages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text   Text
		en, zh string
	}{
		{"", "", ""},
		{"order.customer.phone", "order.customer.phone", "order.customer.phone"},
		{Textf("test word"), "test word", "测试词"},
		{Textf("%s", "100%"), "100%", "100%"},
		{Textf("test: %s stands", "x%dy"), "test: x%dy stands", "测试：x%dy"},
		{Textf("test: %s stands", Key("test word")), "test: test word stands", "测试：测试词"},
		{Textf("test: %.3s has %d of %q", "abcdef", 1234567, "z"), `test: abc has 1234567 of "z"`, `测试："z" 中 abc 有 1234567`},
		{Textf("%s", Textf("test: %d stands", 1)), "test: 1 stands", "测试：1"},
		{Textf("%s: %d%%", "field", 5), "field: 5%", "field: 5%"},
		{Both("水压：未填写", "Pressure: not answered"), "Pressure: not answered", "水压：未填写"},
		{Join([]Text{Key("test word"), "b", "c"}, "；", "; "), "test word; b; c", "测试词；b；c"},
		{Textf("unknown to %s catalogue", "the"), "unknown to the catalogue", "unknown to the catalogue"},
		{"login li is taken", "login li is taken", "login li is taken"}, // as an older version stored it
	} {
		if en, zh := c.text.In("en"), c.text.In("zh"); en != c.en || zh != c.zh {
			t.Errorf("%q: %q, %q; want %q, %q", string(c.text), en, zh, c.en, c.zh)
		}
		if e := New(StateForbids, "%s", c.text); e.Detail != c.text {
			t.Errorf("%q does not pass through an error: %q", string(c.text), string(e.Detail))
		}
	}
}

// What somebody types is an argument, or a text as it stands; it is never read as a key with arguments.
func TestTypedWordsAreNoKeys(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		typed := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
			`{"both":["a","b"]}`, `{"key":"%s","args":[{"word":"x"}]}`, `{`, "%s", "%!d", "%[2]s", "",
		})).Draw(t, "typed")
		typed = strings.ToValidUTF8(typed, "")
		for _, lang := range []string{"en", "zh"} {
			if got := Textf("%s", typed).In(lang); got != typed {
				t.Fatalf("%q alone is said as %q", typed, got)
			}
			if got, want := Textf("[%s]", typed).In(lang), "["+typed+"]"; got != want {
				t.Fatalf("%q is said as %q", typed, got)
			}
			nested := Textf("(%s)", Textf("[%s] %s", typed, typed))
			if got, want := nested.In(lang), "(["+typed+"] "+typed+")"; got != want {
				t.Fatalf("%q is said as %q", typed, got)
			}
		}
	})
}

func TestAKeyHasOneTranslation(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("a second translation of a key is taken")
		}
	}()
	Translate(map[string]string{"test word": "另一个词"})
}
