package model

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Problem is a mistake in the annotations.
type Problem struct {
	// File as protoc was given it, Line from 1; 0 when the descriptors carry no positions.
	File string
	Line int
	Text string
}

func (p Problem) String() string {
	if p.Line == 0 {
		return p.File + ": " + p.Text
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Text)
}

// Problems are all mistakes that were found, by file and line.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.String()
	}
	return strings.Join(lines, "\n")
}

func (p Problems) sorted() Problems {
	slices.SortStableFunc(p, func(a, b Problem) int { return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line) })
	return slices.Compact(p)
}

// place finds the line of an option, or else of what carries it.
func place(d protoreflect.Descriptor, option protoreflect.FieldNumber) (file string, line int) {
	f := d.ParentFile()
	at := f.SourceLocations().ByDescriptor(d)
	line = at.StartLine
	known := len(at.Path) > 0
	options := protoreflect.SourcePath(nil)
	switch d.(type) {
	case protoreflect.FileDescriptor:
		options = protoreflect.SourcePath{8, int32(option)}
	case protoreflect.MessageDescriptor:
		options = append(slices.Clone(at.Path), 7, int32(option))
	case protoreflect.FieldDescriptor:
		options = append(slices.Clone(at.Path), 8, int32(option))
	}
	for i := range f.SourceLocations().Len() {
		if l := f.SourceLocations().Get(i); len(l.Path) >= len(options) && slices.Equal(l.Path[:len(options)], options) {
			return f.Path(), l.StartLine + 1
		}
	}
	if !known {
		return f.Path(), 0
	}
	return f.Path(), line + 1
}
