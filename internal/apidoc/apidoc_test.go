package main

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
)

// files are a proto and what it imports, in the order that the plugin asks for.
func files() []*descriptorpb.FileDescriptorProto {
	var all []*descriptorpb.FileDescriptorProto
	seen := map[string]bool{}
	var add func(f protoreflect.FileDescriptor)
	add = func(f protoreflect.FileDescriptor) {
		if seen[f.Path()] {
			return
		}
		seen[f.Path()] = true
		for i := range f.Imports().Len() {
			add(f.Imports().Get(i).FileDescriptor)
		}
		all = append(all, protodesc.ToFileDescriptorProto(f))
	}
	add(syncv1.File_doorstep_sync_v1_sync_proto)
	return all
}

func TestEveryCallAndEveryFieldIsInTheReference(t *testing.T) {
	t.Parallel()
	const path = "doorstep/sync/v1/sync.proto"
	p, err := protogen.Options{}.New(&pluginpb.CodeGeneratorRequest{FileToGenerate: []string{path}, ProtoFile: files()})
	if err != nil {
		t.Fatal(err)
	}
	if err := generate(p); err != nil {
		t.Fatal(err)
	}
	pages := map[string]string{}
	for _, f := range p.Response().GetFile() {
		pages[f.GetName()] = f.GetContent()
	}
	page := pages["doorstep.sync.v1.md"]
	f := syncv1.File_doorstep_sync_v1_sync_proto
	for i := range f.Services().Len() {
		s := f.Services().Get(i)
		if !strings.Contains(pages["README.md"], string(s.Name())) {
			t.Errorf("the index lacks %s", s.Name())
		}
		for j := range s.Methods().Len() {
			if m := s.Methods().Get(j); !strings.Contains(page, "| `"+string(m.Name())+"` |") {
				t.Errorf("%s is not in the reference", m.FullName())
			}
		}
	}
	for i := range f.Messages().Len() {
		m := f.Messages().Get(i)
		for j := range m.Fields().Len() {
			if d := m.Fields().Get(j); !strings.Contains(page, "| `"+string(d.Name())+"` |") {
				t.Errorf("%s is not in the reference", d.FullName())
			}
		}
	}
}

func TestACellOfATableIsOneLine(t *testing.T) {
	t.Parallel()
	if got := cell(protogen.CommentSet{Leading: " a | b\n and c\n"}); got != `a \| b and c` {
		t.Errorf("%q", got)
	}
}
