package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

const generated = "<!-- Written by make generate from proto/. Change the comments there. -->\n\n"

// index lists the packages with their services.
func index(packages map[string][]*protogen.File) string {
	var b strings.Builder
	b.WriteString(generated + "# API reference\n\n| package | services |\n| --- | --- |\n")
	for _, name := range slices.Sorted(maps.Keys(packages)) {
		var services []string
		for _, f := range packages[name] {
			for _, s := range f.Services {
				services = append(services, "`"+s.GoName+"`")
			}
		}
		fmt.Fprintf(&b, "| [%s](%s.md) | %s |\n", name, name, strings.Join(services, ", "))
	}
	return b.String()
}

// reference describes a package: its services first, then what they speak.
func reference(name string, files []*protogen.File) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s# %s\n", generated, name)
	for _, f := range files {
		for _, s := range f.Services {
			service(&b, name, s)
		}
	}
	for _, f := range files {
		for _, m := range f.Messages {
			message(&b, name, m)
		}
		for _, e := range f.Enums {
			enum(&b, e)
		}
	}
	return b.String()
}

func service(b *strings.Builder, pkg string, s *protogen.Service) {
	heading(b, s.Desc, s.Comments)
	b.WriteString("\n| call | request | answer | |\n| --- | --- | --- | --- |\n")
	for _, m := range s.Methods {
		in, out := link(pkg, m.Input.Desc), link(pkg, m.Output.Desc)
		if m.Desc.IsStreamingClient() {
			in = "stream of " + in
		}
		if m.Desc.IsStreamingServer() {
			out = "stream of " + out
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", m.GoName, in, out, cell(m.Comments))
	}
}

func message(b *strings.Builder, pkg string, m *protogen.Message) {
	if m.Desc.IsMapEntry() {
		return
	}
	heading(b, m.Desc, m.Comments)
	if len(m.Fields) > 0 {
		b.WriteString("\n| no. | field | type | |\n| ---: | --- | --- | --- |\n")
	}
	for _, f := range m.Fields {
		says := cell(f.Comments)
		if o := f.Oneof; o != nil && !o.Desc.IsSynthetic() {
			says = strings.TrimSpace("One of `" + string(o.Desc.Name()) + "`. " + says)
		}
		fmt.Fprintf(b, "| %d | `%s` | %s | %s |\n", f.Desc.Number(), f.Desc.Name(), kind(pkg, f), says)
	}
	for _, n := range m.Messages {
		message(b, pkg, n)
	}
	for _, e := range m.Enums {
		enum(b, e)
	}
}

func enum(b *strings.Builder, e *protogen.Enum) {
	heading(b, e.Desc, e.Comments)
	b.WriteString("\n| no. | value | |\n| ---: | --- | --- |\n")
	for _, v := range e.Values {
		fmt.Fprintf(b, "| %d | `%s` | %s |\n", v.Desc.Number(), v.Desc.Name(), cell(v.Comments))
	}
}

func heading(b *strings.Builder, d protoreflect.Descriptor, c protogen.CommentSet) {
	fmt.Fprintf(b, "\n## %s\n", local(d))
	if says := strings.TrimSpace(string(c.Leading)); says != "" {
		// A proto's comment has one space before each line.
		fmt.Fprintf(b, "\n%s\n", strings.ReplaceAll(says, "\n ", "\n"))
	}
}

// local is a name within its package.
func local(d protoreflect.Descriptor) string {
	return strings.TrimPrefix(string(d.FullName()), string(d.ParentFile().Package())+".")
}

// cell is a comment in a cell of a table.
func cell(c protogen.CommentSet) string {
	says := strings.Join(strings.Fields(string(c.Leading)+" "+string(c.Trailing)), " ")
	return strings.ReplaceAll(says, "|", `\|`)
}

// kind is the type of a field.
func kind(pkg string, f *protogen.Field) string {
	if f.Desc.IsMap() {
		return "map of " + f.Desc.MapKey().Kind().String() + " to " + kind(pkg, f.Message.Fields[1])
	}
	name := f.Desc.Kind().String()
	switch {
	case f.Message != nil:
		name = link(pkg, f.Message.Desc)
	case f.Enum != nil:
		name = link(pkg, f.Enum.Desc)
	}
	switch {
	case f.Desc.IsList():
		return "repeated " + name
	case f.Desc.HasOptionalKeyword():
		return "optional " + name
	}
	return name
}

// link leads to where a message or an enum is described.
func link(pkg string, d protoreflect.Descriptor) string {
	name := local(d)
	home := string(d.ParentFile().Package())
	if !strings.HasPrefix(home, "doorstep.") {
		return "`" + string(d.FullName()) + "`"
	}
	anchor := "#" + strings.ToLower(strings.ReplaceAll(name, ".", ""))
	if home == pkg {
		return fmt.Sprintf("[%s](%s)", name, anchor)
	}
	return fmt.Sprintf("[%s](%s.md%s)", d.FullName(), home, anchor)
}
