package emit_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/doorstep-dev/doorstep/clientgen/kotlin/emit"
	"github.com/doorstep-dev/doorstep/clientgen/model"
)

// modelOf compiles a proto and makes a model of it, with what edit makes of its text.
func modelOf(t *testing.T, dir, name string, edit func(string) string) *model.Model {
	t.Helper()
	read := func(path string) string {
		b, err := os.ReadFile(filepath.FromSlash(path))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	const options = "doorstep/options/v1/options.proto"
	c := protocompile.Compiler{
		Resolver: protocompile.WithStandardImports(
			&protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(map[string]string{
				name: edit(read(dir + "/" + name)), options: read("../../../proto/" + options),
			})}),
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	compiled, err := c.Compile(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	// As a plugin gets it: over the wire, so that the options are of this program's types.
	b, err := proto.Marshal(protodesc.ToFileDescriptorProto(compiled[0]))
	if err != nil {
		t.Fatal(err)
	}
	var d descriptorpb.FileDescriptorProto
	if err := proto.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	file, err := protodesc.NewFile(&d, protoregistry.GlobalFiles)
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Build([]protoreflect.FileDescriptor{file})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func as(text string) string { return text }

func emitted(t *testing.T, m *model.Model, pkg string) []emit.File {
	t.Helper()
	files, err := emit.Emit(m, pkg)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// The files are compiled by Maven, without warnings, and held against ktlint there.
func TestTheGoldenFilesAreWhatIsWritten(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ dir, proto, pkg, golden string }{
		{"../../sample/proto", "meter/v1/meter.proto", "dev.doorstep.sample.meter", "../sample/src/main/kotlin"},
		{"testdata", "odd/v1/odd.proto", "dev.doorstep.sample.odd", "../sample/src/test/kotlin"},
	} {
		for _, f := range emitted(t, modelOf(t, c.dir, c.proto, as), c.pkg) {
			path := filepath.FromSlash(c.golden + "/" + f.Path)
			if os.Getenv("DOORSTEP_UPDATE_GOLDEN") != "" {
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(f.Text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if f.Text != string(want) {
				t.Errorf("%s is not what is written now; if it should be: DOORSTEP_UPDATE_GOLDEN=1 go test ./clientgen/kotlin/emit",
					path)
			}
		}
	}
}

func TestTheSameModelGivesTheSameText(t *testing.T) {
	t.Parallel()
	m := modelOf(t, "testdata", "odd/v1/odd.proto", as)
	first := emitted(t, m, "a.b")
	for range 20 {
		for i, f := range emitted(t, m, "a.b") {
			if f != first[i] {
				t.Fatalf("%s differs from one time to the next", f.Path)
			}
		}
	}
}

func TestAFieldMoreIsASmallDifference(t *testing.T) {
	t.Parallel()
	const dir, name, pkg = "../../sample/proto", "meter/v1/meter.proto", "dev.doorstep.sample.meter"
	before := emitted(t, modelOf(t, dir, name, as), pkg)
	more := func(text string) string {
		return strings.Replace(text, "  string route_name = 4;", "  string route_name = 4;\n  string media_type = 5;", 1)
	}
	// The photo's new field is one that taking a photo brings along.
	var added []string
	for i, f := range emitted(t, modelOf(t, dir, name, more), pkg) {
		old := strings.Split(before[i].Text, "\n")
		for line := range strings.SplitSeq(f.Text, "\n") {
			if len(old) > 0 && line == old[0] {
				old = old[1:]
			} else {
				added = append(added, strings.TrimSpace(line))
			}
		}
		if len(old) > 0 {
			t.Errorf("%s lost %q and what follows", f.Path, old[0])
		}
	}
	if len(added) != 1 || added[0] != "next.mediaType = args.mediaType" {
		t.Errorf("added %q", added)
	}
}

func TestAProtoWithoutAJavaPackageIsNamed(t *testing.T) {
	t.Parallel()
	nameless := func(text string) string { return strings.Replace(text, "option java_multiple_files = true;", "", 1) }
	_, err := emit.Emit(modelOf(t, "testdata", "odd/v1/odd.proto", nameless), "a.b")
	if err == nil || !strings.Contains(err.Error(), "odd/v1/odd.proto: lang=kt needs option java_package") {
		t.Errorf("got %v", err)
	}
}
