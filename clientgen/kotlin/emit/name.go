package emit

import (
	"fmt"
	"strings"
	"unicode"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// javaName is the class that protoc makes for a message or an enum: its package, and its name in it.
func javaName(d protoreflect.Descriptor) (pkg, name string, err error) {
	f := d.ParentFile()
	if strings.HasPrefix(f.Path(), "google/protobuf/") {
		return "com.google.protobuf", string(d.Name()), nil // the runtime brings them
	}
	o, _ := f.Options().(*descriptorpb.FileOptions)
	if o.GetJavaPackage() == "" || !o.GetJavaMultipleFiles() {
		return "", "", fmt.Errorf("%s: lang=kt needs option java_package and option java_multiple_files = true", f.Path())
	}
	name = string(d.Name())
	for p := d.Parent(); p != nil; p = p.Parent() {
		if m, ok := p.(protoreflect.MessageDescriptor); ok {
			name = string(m.Name()) + "." + name
		}
	}
	return o.GetJavaPackage(), name, nil
}

// camel makes UpperCamelCase of a proto's name as protoc does for Java: a letter after a digit is a capital too.
func camel(name string) string {
	var out strings.Builder
	up := true
	for _, r := range name {
		switch {
		case r == '_':
			up = true
		case unicode.IsDigit(r):
			out.WriteRune(r)
			up = true
		case up:
			out.WriteRune(unicode.ToUpper(r))
			up = false
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}

// getter is what stands after get, set, has and clear in Java.
func getter(f protoreflect.FieldDescriptor) string {
	name := camel(string(f.Name()))
	if reserved[name] {
		name += "_"
	}
	return name
}

// reserved are the fields to which protoc adds an underscore, for every message has a method of that name.
var reserved = set("InitializationErrorString SerializedSize AllFields DescriptorForType UnknownFields " +
	"CachedSize Class")

// property is the Kotlin property that stands for a field's getter and setter.
func property(f protoreflect.FieldDescriptor) string {
	name := getter(f)
	if f.IsList() {
		name += "List"
	}
	return quoted(synthetic(name))
}

// synthetic is the name of the property that Kotlin sees in a getter: a run of capitals is lowered up to the last
// one that begins a word.
func synthetic(name string) string {
	rs := []rune(name)
	for i, r := range rs {
		if !unicode.IsUpper(r) || i > 0 && i+1 < len(rs) && !unicode.IsUpper(rs[i+1]) {
			break
		}
		rs[i] = unicode.ToLower(r)
	}
	return string(rs)
}

// wire is the property that holds an enum's number, which also numbers that this client does not know survive in.
func wire(f protoreflect.FieldDescriptor) string {
	if f.Enum() == nil {
		return property(f)
	}
	name := getter(f) + "Value"
	if f.IsList() {
		name += "List"
	}
	return synthetic(name)
}

// wireGetter is what stands after set and add in Java for such a number.
func wireGetter(f protoreflect.FieldDescriptor) string {
	if f.Enum() == nil {
		return getter(f)
	}
	return getter(f) + "Value"
}

func lower(name string) string { return strings.ToLower(name[:1]) + name[1:] }

// local makes the name of a parameter or variable, apart from keywords and from what generated code names itself.
func local(name string) string {
	if keywords[name] || ours[name] {
		return name + "Is"
	}
	return name
}

var ours = set("view args at draft message next it element")

// quoted puts hard keywords into backticks.
func quoted(name string) string {
	if keywords[name] {
		return "`" + name + "`"
	}
	return name
}

var keywords = set(
	`as break class continue do else false for fun if in interface is null object package return super this
	throw true try typealias typeof val var when while`)

func set(words string) map[string]bool {
	out := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		out[w] = true
	}
	return out
}
