package model

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/runtime/protoimpl"

	optionsv1 "github.com/doorstep-dev/doorstep/proto/doorstep/options/v1"
)

// Build reads the annotations of the files. The error, if any, is Problems.
func Build(files []protoreflect.FileDescriptor) (*Model, error) {
	b := &builder{entities: map[protoreflect.FullName]*Entity{}}
	b.retire(files)
	each(files, b.entity)
	slices.SortStableFunc(b.model.Entities, func(x, y *Entity) int { return int(int64(x.Kind) - int64(y.Kind)) })
	each(files, b.references)
	b.lookups()
	each(files, b.mutation)
	b.names()
	if len(b.problems) > 0 {
		return nil, b.problems.sorted()
	}
	return &b.model, nil
}

type builder struct {
	model    Model
	entities map[protoreflect.FullName]*Entity
	// points are the fields that name an entity, wherever they stand.
	points           map[protoreflect.FullName]*Entity
	retiredKinds     map[uint32]bool
	retiredMutations map[string]bool
	problems         Problems
	// at is where the next problem is.
	at struct {
		d      protoreflect.Descriptor
		option protoreflect.FieldNumber
	}
}

func (b *builder) stand(d protoreflect.Descriptor, x *protoimpl.ExtensionInfo) {
	b.at.d, b.at.option = d, x.TypeDescriptor().Number()
}

func (b *builder) problem(format string, args ...any) {
	file, line := place(b.at.d, b.at.option)
	b.problems = append(b.problems, Problem{file, line, fmt.Sprintf("%s: ", b.at.d.Name()) + fmt.Sprintf(format, args...)})
}

// each visits all messages, nested ones too, in the order of the files.
func each(files []protoreflect.FileDescriptor, visit func(protoreflect.MessageDescriptor)) {
	var walk func(protoreflect.MessageDescriptors)
	walk = func(ms protoreflect.MessageDescriptors) {
		for i := range ms.Len() {
			visit(ms.Get(i))
			walk(ms.Get(i).Messages())
		}
	}
	for _, f := range files {
		walk(f.Messages())
	}
}

// option reads an annotation; nil when there is none.
func option[T proto.Message](d protoreflect.Descriptor, x *protoimpl.ExtensionInfo) (none T) {
	if o := d.Options(); o != nil && proto.HasExtension(o, x) {
		return proto.GetExtension(o, x).(T)
	}
	return none
}

func (b *builder) retire(files []protoreflect.FileDescriptor) {
	b.retiredKinds, b.retiredMutations = map[uint32]bool{}, map[string]bool{}
	for _, f := range files {
		r := option[*optionsv1.Retired](f, optionsv1.E_Retired)
		for _, k := range r.GetEntityKinds() {
			b.retiredKinds[k] = true
		}
		for _, k := range r.GetMutationKinds() {
			b.retiredMutations[k] = true
		}
	}
}

const maxKind = 1<<31 - 1

func (b *builder) entity(m protoreflect.MessageDescriptor) {
	o := option[*optionsv1.Entity](m, optionsv1.E_Entity)
	if o == nil {
		return
	}
	b.stand(m, optionsv1.E_Entity)
	e := &Entity{Message: m, Kind: o.GetKind(), Plural: cmp.Or(o.GetPlural(), plural(string(m.Name())))}
	switch {
	case e.Kind == 0 || e.Kind > maxKind:
		b.problem("kind %d: an entity needs a kind from 1 to %d", e.Kind, maxKind)
	case b.retiredKinds[e.Kind]:
		b.problem("kind %d is retired: old phones still hold entities of it; take a number that was never used", e.Kind)
	}
	for _, other := range b.model.Entities {
		if other.Kind == e.Kind {
			b.problem("kind %d is that of %s already; take a number that was never used", e.Kind, other.Message.FullName())
		}
	}
	if o.GetKey() != "" {
		e.Key = b.field(m, o.GetKey())
		if e.Key != nil && (e.Key.Kind() != protoreflect.BytesKind || e.Key.IsList()) {
			b.problem("key %s must be one bytes field, a UUID; it is %s", o.GetKey(), typeName(e.Key))
		}
	}
	b.entities[m.FullName()] = e
	b.model.Entities = append(b.model.Entities, e)
}

// field finds a field by name or says that there is none.
func (b *builder) field(m protoreflect.MessageDescriptor, name string) protoreflect.FieldDescriptor {
	f := m.Fields().ByName(protoreflect.Name(name))
	if f == nil {
		b.problem("%s has no field %q", m.Name(), name)
	}
	return f
}

// references resolves what fields point at.
func (b *builder) references(m protoreflect.MessageDescriptor) {
	if b.points == nil {
		b.points = map[protoreflect.FullName]*Entity{}
	}
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		name := option[*optionsv1.Field](f, optionsv1.E_Field).GetReferences()
		if name == "" {
			continue
		}
		b.stand(f, optionsv1.E_Field)
		if f.Kind() != protoreflect.BytesKind || f.IsList() {
			b.problem("only one bytes field can reference an entity; it is %s", typeName(f))
			continue
		}
		if e := b.named(m, name); e != nil {
			b.points[f.FullName()] = e
		}
	}
}

// named finds an entity by its message's name, as seen from a message.
func (b *builder) named(from protoreflect.MessageDescriptor, name string) *Entity {
	for _, full := range []protoreflect.FullName{
		from.ParentFile().Package().Append(protoreflect.Name(name)),
		protoreflect.FullName(name),
	} {
		if e := b.entities[full]; e != nil {
			return e
		}
	}
	b.problem("no entity is named %q; write its package too if it stands in another one", name)
	return nil
}

// lookups collects the indexes and the sensitive fields of entities.
func (b *builder) lookups() {
	for _, e := range b.model.Entities {
		b.stand(e.Message, optionsv1.E_Entity)
		for i := range e.Message.Fields().Len() {
			f := e.Message.Fields().Get(i)
			if to := b.points[f.FullName()]; to != nil {
				e.Indexes = append(e.Indexes, Index{Fields: []Path{{{Field: f}}}, References: to})
			}
		}
		for _, x := range option[*optionsv1.Entity](e.Message, optionsv1.E_Entity).GetIndexes() {
			if index, ok := b.index(e, x); ok {
				e.Indexes = append(e.Indexes, index)
			}
		}
		e.Sensitive = sensitive(e.Message, nil, nil)
	}
}

func (b *builder) index(e *Entity, x *optionsv1.Index) (out Index, ok bool) {
	if len(x.GetFields()) == 0 {
		b.problem("an index needs at least one field")
	}
	for _, name := range x.GetFields() {
		p := b.inside(e.Message, name)
		if p == nil {
			return out, false
		}
		if end := p.End(); end.IsList() || end.IsMap() || end.Kind() == protoreflect.MessageKind && !isTimestamp(end) {
			b.problem("no index on %s: %s has no one value to look up", name, typeName(end))
			return out, false
		}
		out.Fields = append(out.Fields, p)
	}
	same := func(i Index) bool {
		return slices.EqualFunc(i.Fields, out.Fields, func(p, q Path) bool { return p.String() == q.String() })
	}
	if slices.ContainsFunc(e.Indexes, same) {
		b.problem("index on %s is there already", strings.Join(x.GetFields(), ", "))
		return out, false
	}
	return out, len(out.Fields) > 0
}

// sensitive finds the fields so marked in a message and all that it holds.
func sensitive(m protoreflect.MessageDescriptor, before Path, above []protoreflect.FullName) (out []Path) {
	if slices.Contains(above, m.FullName()) {
		return nil
	}
	above = append(slices.Clone(above), m.FullName())
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		p := append(slices.Clone(before), Step{Field: f})
		switch {
		case option[*optionsv1.Field](f, optionsv1.E_Field).GetSensitive():
			out = append(out, p)
		case f.Message() != nil && !f.IsMap():
			out = append(out, sensitive(f.Message(), p, above)...)
		}
	}
	return out
}

// names sees that generated names differ.
func (b *builder) names() {
	taken := map[string]protoreflect.FullName{}
	claim := func(d protoreflect.Descriptor, x *protoimpl.ExtensionInfo, name string) {
		b.stand(d, x)
		if other, ok := taken[name]; ok {
			b.problem("the client would have two things named %s: this and that of %s; set plural or rename one", name, other)
		}
		taken[name] = d.FullName()
	}
	for _, e := range b.model.Entities {
		claim(e.Message, optionsv1.E_Entity, e.Plural)
	}
	for _, m := range b.model.Mutations {
		claim(m.Message, optionsv1.E_Mutation, string(m.Message.Name()))
	}
}

var wireName = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$`)

// plural makes the word for several: Ticket, Tickets; Box, Boxes; Entry, Entries.
func plural(word string) string {
	switch {
	case strings.HasSuffix(word, "s"), strings.HasSuffix(word, "x"), strings.HasSuffix(word, "ch"),
		strings.HasSuffix(word, "sh"):
		return word + "es"
	case len(word) > 1 && strings.HasSuffix(word, "y") && !strings.ContainsRune("aeiou", rune(word[len(word)-2])):
		return word[:len(word)-1] + "ies"
	}
	return word + "s"
}
