package human_test

import (
	"crypto/rand"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/doorstep-dev/doorstep/clientgen/golang/codes/human"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// The check is linear, so an error is caught or not whatever the rest of the code is; the tests below still try
// every change at every place, on many codes.

func TestEverySingleWrongCharacterIsCaught(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := draw(t)
		for i := range human.Length {
			for _, r := range human.Alphabet {
				if byte(r) == c[i] {
					continue
				}
				wrong := string(c[:i]) + string(r) + string(c[i+1:])
				if _, err := human.Parse(wrong); fault.CodeOf(err) != fault.CodeCheckDigit {
					t.Fatalf("%s read as %s is not caught: %v", c, wrong, err)
				}
			}
		}
	})
}

func TestEveryExchangeOfTwoCharactersIsCaught(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := draw(t)
		for i := range human.Length {
			for j := i + 1; j < human.Length; j++ {
				if c[i] == c[j] {
					continue
				}
				b := []byte(c)
				b[i], b[j] = b[j], b[i]
				if _, err := human.Parse(string(b)); fault.CodeOf(err) != fault.CodeCheckDigit {
					t.Fatalf("%s read as %s is not caught: %v", c, b, err)
				}
			}
		}
	})
}

// Every pair of characters at every two neighbouring places: with the others at zero this is all there is, for the
// check is linear.
func TestEveryNeighbouringExchangeIsCaughtExhaustively(t *testing.T) {
	t.Parallel()
	caught := 0
	for place := range human.Length - 2 {
		for _, a := range human.Alphabet {
			for _, b := range human.Alphabet {
				if a == b {
					continue
				}
				code := []byte("0000000")
				code[place], code[place+1] = byte(a), byte(b)
				whole := withCheck(t, string(code))
				code[place], code[place+1] = byte(b), byte(a)
				if _, err := human.Parse(string(code) + whole[7:]); err == nil {
					t.Fatalf("exchange in %s passes", whole)
				}
				caught++
			}
		}
	}
	if want := 6 * 29 * 28; caught != want {
		t.Fatalf("tried %d exchanges, want %d", caught, want)
	}
}

func TestTypedInAnyFormReadsTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := draw(t)
		look := strings.NewReplacer("0", "o", "1", "l", "2", "z", "5", "s", "8", "b", "V", "u")
		for _, typed := range []string{string(c), c.String(), strings.ToLower(c.String()), " " + look.Replace(string(c)) +
			" "} {
			got, err := human.Parse(typed)
			if err != nil || got != c {
				t.Fatalf("%q reads as %q, %v; want %q", typed, got, err, c)
			}
		}
	})
}

func TestVectors(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../testdata/human.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Alphabet string
		Cases    []struct{ Typed, Code, Shown, Error string }
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	if file.Alphabet != human.Alphabet || len(file.Cases) == 0 {
		t.Fatal("the vectors are of another alphabet, or empty")
	}
	for _, c := range file.Cases {
		got, err := human.Parse(c.Typed)
		if string(fault.CodeOf(err)) != c.Error || string(got) != c.Code {
			t.Errorf("%q reads as %q, %v; want %q, %q", c.Typed, got, err, c.Code, c.Error)
		}
		if err == nil && got.String() != c.Shown {
			t.Errorf("%q is shown as %q, want %q", c.Typed, got, c.Shown)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "0000-0000", "7K3M-9QXA", "oooo iiii", "‑‑‑", "\xff\xfe", strings.Repeat("0", 600)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := human.Parse(s)
		if err != nil {
			return
		}
		if again, err := human.Parse(c.String()); err != nil || again != c {
			t.Fatalf("%q → %q → %q, %v", s, c, again, err)
		}
	})
}

func draw(t *rapid.T) human.Code {
	digits := rapid.SliceOfN(rapid.IntRange(0, 28), human.Length-1, human.Length-1).Draw(t, "digits")
	b := make([]byte, len(digits))
	for i, d := range digits {
		b[i] = human.Alphabet[d]
	}
	return human.Code(withCheck(t, string(b)))
}

func withCheck(t interface{ Fatalf(string, ...any) }, seven string) string {
	for _, r := range human.Alphabet {
		if c, err := human.Parse(seven + string(r)); err == nil {
			return string(c)
		}
	}
	t.Fatalf("no check letter fits %s", seven)
	return ""
}

func TestNewCodesAreValidAndDiffer(t *testing.T) {
	t.Parallel()
	seen := map[human.Code]bool{}
	for range 2000 {
		c, err := human.New(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := human.Parse(string(c)); err != nil || back != c {
			t.Fatalf("%q is not valid: %v", c, err)
		}
		seen[c] = true
	}
	if len(seen) < 1999 {
		t.Fatalf("only %d of 2000 differ", len(seen))
	}
}
