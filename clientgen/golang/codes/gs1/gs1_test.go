package gs1_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/doorstep-dev/doorstep/clientgen/golang/codes/gs1"
	"github.com/doorstep-dev/doorstep/internal/shared"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

func TestVectors(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../testdata/gs1.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct{ Name, Scanned, GTIN, Lot, Serial, Host, Prefix, Error string }
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) < 30 {
		t.Fatalf("only %d vectors", len(file.Cases))
	}
	for _, c := range file.Cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			got, err := gs1.Parse(c.Scanned)
			if string(fault.CodeOf(err)) != c.Error {
				t.Fatalf("%q: error %v, want %q", c.Scanned, err, c.Error)
			}
			want := gs1.Key{GTIN: gs1.GTIN(c.GTIN), Lot: c.Lot, Serial: c.Serial, Host: c.Host, Prefix: c.Prefix}
			if got != want {
				t.Fatalf("%q:\n got %+v\nwant %+v", c.Scanned, got, want)
			}
		})
	}
}

// The labels that real scanners hand over (../shared/data/cases/scan), which this project's own vectors are twins of.
func TestRealLabels(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(shared.Path(t, "cases", "scan", "labels.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if strings.HasPrefix(line, "#") || len(cells) != 3 {
			continue
		}
		var scanned string
		if err := json.Unmarshal([]byte(cells[0]), &scanned); err != nil {
			t.Fatal(err)
		}
		got, err := gs1.Parse(scanned)
		if strings.HasPrefix(cells[1], "refused") {
			if fault.CodeOf(err) != fault.CodeCheckDigit {
				t.Errorf("%s: %+v %v", cells[0], got, err)
			}
		} else if err != nil || string(got.GTIN) != cells[1] || got.Serial != cells[2] {
			t.Errorf("%s: %+v %v, want %s %s", cells[0], got, err, cells[1], cells[2])
		}
	}
}

const set82 = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"

func serials() *rapid.Generator[string] {
	return rapid.StringOfN(rapid.SampledFrom([]rune(set82)), 1, 20, 20)
}

func gtins() *rapid.Generator[gs1.GTIN] {
	return rapid.Custom(func(t *rapid.T) gs1.GTIN {
		d := rapid.StringOfN(rapid.SampledFrom([]rune("0123456789")), 13, 13, 13).Filter(func(s string) bool {
			return strings.Trim(s, "0") != ""
		}).Draw(t, "digits")
		return gs1.GTIN(d + string(gs1.CheckDigit(d)))
	})
}

func TestEverySerialNumberSurvivesItsLink(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		g, serial := gtins().Draw(t, "gtin"), serials().Draw(t, "serial")
		link := gs1.Link("https://id.example.com/some/prefix/", g, serial)
		got, err := gs1.Parse(link)
		if err != nil || got.GTIN != g || got.Serial != serial || got.Prefix != "some/prefix" ||
			got.Host != "id.example.com" {
			t.Fatalf("%s → %+v, %v", link, got, err)
		}
	})
}

func TestEverySerialNumberSurvivesElementStrings(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		g, serial, lot := gtins().Draw(t, "gtin"), serials().Draw(t, "serial"), serials().Draw(t, "lot")
		for _, s := range []string{
			"]d201" + string(g) + "21" + serial + "\x1d10" + lot,
			"]Q3" + "10" + lot + "\x1d17" + "271231" + "21" + serial + "\x1d01" + string(g),
			"\x1d01" + string(g) + "10" + lot + "\x1d21" + serial,
		} {
			got, err := gs1.Parse(s)
			if err != nil || got != (gs1.Key{GTIN: g, Lot: lot, Serial: serial}) {
				t.Fatalf("%q → %+v, %v", s, got, err)
			}
		}
	})
}

func TestAWrongDigitIsCaught(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		g := gtins().Draw(t, "gtin")
		at := rapid.IntRange(0, 13).Draw(t, "at")
		by := rapid.IntRange(1, 9).Draw(t, "by")
		b := []byte(g)
		b[at] = '0' + (b[at]-'0'+byte(by))%10
		if _, err := gs1.ParseGTIN(string(b)); err == nil {
			t.Fatalf("%s read as %s passes", g, b)
		}
	})
}

func TestTheSameProductComparesEqualInEveryLength(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"012345678905", "0012345678905", "00012345678905"} {
		if g, err := gs1.ParseGTIN(s); err != nil || g != "00012345678905" {
			t.Errorf("%s → %s, %v", s, g, err)
		}
	}
	g, err := gs1.ParseGTIN("96385074")
	if err != nil {
		t.Fatal(err)
	}
	if ean, ok := g.EAN13(); !ok || ean != "0000096385074" {
		t.Fatal(ean, ok)
	}
	if _, ok := gs1.GTIN("16901234567899").EAN13(); ok {
		t.Fatal("a carton has no EAN-13")
	}
}

func FuzzParse(f *testing.F) {
	raw, err := os.ReadFile("../testdata/gs1.json")
	if err != nil {
		f.Fatal(err)
	}
	var file struct{ Cases []struct{ Scanned string } }
	if err := json.Unmarshal(raw, &file); err != nil {
		f.Fatal(err)
	}
	for _, c := range file.Cases {
		f.Add(c.Scanned)
	}
	f.Fuzz(func(t *testing.T, s string) {
		k, err := gs1.Parse(s)
		if err != nil {
			if code := fault.CodeOf(err); code != fault.CodeUnreadable && code != fault.CodeCheckDigit &&
				code != fault.TooLarge {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		// What was read can be written and read again.
		if again, err := gs1.Parse(gs1.Link("https://h", k.GTIN, k.Serial)); err != nil || again.GTIN != k.GTIN ||
			again.Serial != k.Serial {
			t.Fatalf("%q → %+v → %+v, %v", s, k, again, err)
		}
	})
}
