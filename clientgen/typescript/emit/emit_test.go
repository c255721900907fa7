package emit

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/doorstep-dev/doorstep/clientgen/model"
	"github.com/doorstep-dev/doorstep/clientgen/sample/meterv1"
)

func sample(t *testing.T) *model.Model {
	t.Helper()
	m, err := model.Build([]protoreflect.FileDescriptor{meterv1.File_meter_v1_meter_proto})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTheSameProtosGiveTheSameClient(t *testing.T) {
	t.Parallel()
	first, err := Emit(sample(t), "./gen")
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		again, err := Emit(sample(t), "./gen")
		if err != nil {
			t.Fatal(err)
		}
		for i := range first {
			if again[i] != first[i] {
				t.Fatalf("%s differs from run to run", first[i].Path)
			}
		}
	}
}

func TestANewEntityAddsLinesAndChangesNone(t *testing.T) {
	t.Parallel()
	all, less := sample(t), sample(t)
	less.Entities = less.Entities[:len(less.Entities)-1] // without photos
	whole, err := Emit(all, "./gen")
	if err != nil {
		t.Fatal(err)
	}
	part, err := Emit(less, "./gen")
	if err != nil {
		t.Fatal(err)
	}
	lines := map[string]bool{}
	for line := range strings.SplitSeq(whole[0].Text, "\n") {
		lines[line] = true
	}
	gone := 0
	for line := range strings.SplitSeq(part[0].Text, "\n") {
		if !lines[line] {
			gone++
		}
	}
	if gone > 1 { // the import names one type more
		t.Errorf("%d lines changed with an entity more", gone)
	}
}

func TestLinesAreNeverTooLong(t *testing.T) {
	t.Parallel()
	files, err := Emit(sample(t),
		"./a/very/long/path/to/the/messages/that/somebody/else/has/made/and/nobody/would/think/of/gen")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		for line := range strings.SplitSeq(f.Text, "\n") {
			if len([]rune(line)) > width && !strings.Contains(line, `from "`) {
				t.Errorf("%s: %s", f.Path, line)
			}
		}
	}
}

func TestNamesAreThoseOfProtocGenES(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"t_ms": "tMs", "sha256": "sha256", "line_1a": "line1a", "accuracy_m": "accuracyM", "to_string": "toString$",
		"value_of": "valueOf$",
	} {
		if got := property(camel(name)); got != want {
			t.Errorf("%s became %s, want %s", name, got, want)
		}
	}
	status := meterv1.Status(0).Descriptor()
	for i, want := range []string{"UNSPECIFIED", "DUE", "READ", "UNREACHABLE"} {
		if got := valueName(status, status.Values().Get(i)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestTextsAreQuotedAsPrettierDoes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{`a`: `"a"`, `say "hi"`: `'say "hi"'`, `it's`: `"it's"`, "a\nb<": `"a\nb<"`} {
		if got := quote(text); got != want {
			t.Errorf("%s became %s, want %s", text, got, want)
		}
	}
}
