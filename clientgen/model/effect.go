package model

import (
	"cmp"

	"google.golang.org/protobuf/reflect/protoreflect"

	optionsv1 "github.com/doorstep-dev/doorstep/proto/doorstep/options/v1"
)

func (b *builder) mutation(m protoreflect.MessageDescriptor) {
	o := option[*optionsv1.Mutation](m, optionsv1.E_Mutation)
	if o == nil {
		return
	}
	b.stand(m, optionsv1.E_Mutation)
	if b.entities[m.FullName()] != nil {
		b.problem("a message is an entity or a mutation, not both")
	}
	switch {
	case !wireName.MatchString(o.GetKind()):
		b.problem("kind %q: a mutation needs a kind of lower case words with dots, for example visit.accept", o.GetKind())
	case b.retiredMutations[o.GetKind()]:
		b.problem("kind %s is retired: old phones may still send it; take a name that was never used", o.GetKind())
	}
	for _, other := range b.model.Mutations {
		if other.Kind == o.GetKind() {
			b.problem("kind %s is that of %s already", o.GetKind(), other.Message.FullName())
		}
	}
	if o.GetCustomEffect() && len(o.GetEffects()) > 0 {
		b.problem("custom_effect is for mutations without effects")
	}
	out := &Mutation{
		Message: m, Kind: o.GetKind(), Custom: o.GetCustomEffect(),
		Offered: b.conditions(m, o.GetOfferedWhen()),
	}
	for _, e := range o.GetEffects() {
		if effect, ok := b.effect(m, e); ok {
			out.Effects = append(out.Effects, effect)
		}
	}
	if a := o.GetAttachment(); a != nil {
		out.Attachment = &Attachment{
			ID:     b.typed(m, "attachment.id", a.GetId(), protoreflect.BytesKind),
			SHA256: b.typed(m, "attachment.sha256", a.GetSha256(), protoreflect.BytesKind),
			Size:   b.typed(m, "attachment.size", a.GetSize(), protoreflect.Uint64Kind),
			MediaType: b.typed(m, "attachment.media_type", a.GetMediaType(),
				protoreflect.StringKind),
		}
	}
	b.model.Mutations = append(b.model.Mutations, out)
}

// typed finds one field of a kind for a use.
func (b *builder) typed(
	m protoreflect.MessageDescriptor, use, name string, kind protoreflect.Kind,
) protoreflect.FieldDescriptor {
	f := b.field(m, name)
	if f != nil && (f.Kind() != kind || f.IsList()) {
		b.problem("%s needs a field of type %s; %s is %s", use, kind, name, typeName(f))
	}
	return f
}

func (b *builder) conditions(m protoreflect.MessageDescriptor, cs []*optionsv1.Condition) (out []Condition) {
	for _, c := range cs {
		if (len(c.GetIs()) > 0) == (len(c.GetNoneOf()) > 0) {
			b.problem("a condition on %s needs either is or none_of", c.GetPath())
			continue
		}
		p := b.path(m, c.GetPath())
		if p == nil {
			continue
		}
		out = append(out, Condition{Path: p, Is: b.literals(p.End(), c.GetIs()), NoneOf: b.literals(p.End(), c.GetNoneOf())})
	}
	return out
}

func (b *builder) literals(f protoreflect.FieldDescriptor, texts []string) (out []Literal) {
	for _, t := range texts {
		if l := b.literal(f, t); l != nil {
			out = append(out, *l)
		}
	}
	return out
}

func (b *builder) effect(m protoreflect.MessageDescriptor, e *optionsv1.Effect) (out Effect, ok bool) {
	if (e.GetOn() == "") == (e.GetCreate() == "") {
		b.problem("an effect needs either on or create")
		return out, false
	}
	if e.GetOn() != "" {
		if out.On = b.path(m, e.GetOn()); out.On == nil {
			return out, false
		}
		if out.Target = b.target(out.On); out.Target == nil {
			b.problem("on: %s names no entity; give the field (doorstep.options.v1.field).references", e.GetOn())
			return out, false
		}
		if e.GetCopy() || e.GetKey() != "" {
			b.problem("copy and key belong to create, not to on")
		}
	} else {
		if out.Target = b.named(m, e.GetCreate()); out.Target == nil {
			return out, false
		}
		if out.Key = b.path(m, cmp.Or(e.GetKey(), "?")); out.Key == nil {
			return out, false
		}
		if k := out.Key.End(); k.Kind() != protoreflect.BytesKind || k.IsList() {
			b.problem("key: %s must be one bytes field, a UUID; it is %s", e.GetKey(), typeName(k))
		}
		if e.GetDelete() {
			b.problem("an effect cannot make an entity and delete it")
		}
	}
	if e.GetDelete() && len(e.GetSet())+len(e.GetAdd())+len(e.GetAppend())+len(e.GetRemove()) > 0 {
		b.problem("an entity that goes needs no new values")
	}
	t := out.Target.Message
	out.When, out.Delete = b.conditions(m, e.GetWhen()), e.GetDelete()
	if e.GetCopy() {
		out.Copy = copies(m, t)
	}
	out.Set = b.assignments(m, t, e.GetSet())
	for _, a := range b.assignments(m, t, e.GetAdd()) {
		if end := a.To.End(); !isNumber(end) || a.DeviceTime {
			b.problem("add: %s is %s; only numbers add up", a.To, typeName(end))
			continue
		}
		out.Add = append(out.Add, a)
	}
	for _, a := range e.GetAppend() {
		if one, ok := b.append(m, t, a); ok {
			out.Append = append(out.Append, one)
		}
	}
	for _, r := range e.GetRemove() {
		if one, ok := b.remove(m, t, r); ok {
			out.Remove = append(out.Remove, one)
		}
	}
	return out, true
}

// copies are the fields that two messages have alike.
func copies(from, to protoreflect.MessageDescriptor) (out []Copy) {
	for i := range from.Fields().Len() {
		f := from.Fields().Get(i)
		if t := to.Fields().ByName(f.Name()); t != nil && fits(f, t) {
			out = append(out, Copy{f, t})
		}
	}
	return out
}

func (b *builder) assignments(m, t protoreflect.MessageDescriptor, as []*optionsv1.Assignment) (out []Assignment) {
	for _, a := range as {
		to := b.inside(t, a.GetField())
		if to == nil {
			continue
		}
		end := to.End()
		if end.IsList() || end.IsMap() {
			b.problem("set: %s is %s; use append and remove", a.GetField(), typeName(end))
			continue
		}
		one := Assignment{To: to}
		switch v := a.GetValue().(type) {
		case *optionsv1.Assignment_From:
			if one.From = b.path(m, v.From); one.From == nil {
				continue
			}
			if !fits(one.From.End(), end) {
				b.problem("%s is %s and %s is %s: the one does not fit into the other", v.From, typeName(one.From.End()),
					a.GetField(), typeName(end))
				continue
			}
		case *optionsv1.Assignment_Literal:
			if one.Literal = b.literal(end, v.Literal); one.Literal == nil {
				continue
			}
		case *optionsv1.Assignment_DeviceTime:
			if one.DeviceTime = true; !isTimestamp(end) {
				b.problem("device_time needs a %s; %s is %s", timestamp, a.GetField(), typeName(end))
				continue
			}
		default:
			b.problem("%s gets no value: say from, literal or device_time", a.GetField())
			continue
		}
		out = append(out, one)
	}
	return out
}

func (b *builder) append(m, t protoreflect.MessageDescriptor, a *optionsv1.Append) (out Append, ok bool) {
	out.Field = b.field(t, a.GetField())
	if out.Field == nil {
		return out, false
	}
	if !out.Field.IsList() {
		b.problem("append: %s is %s, not repeated; use set", a.GetField(), typeName(out.Field))
		return out, false
	}
	element := out.Field.Message()
	if element == nil {
		if out.From = b.path(m, cmp.Or(a.GetFrom(), "?")); out.From == nil {
			return out, false
		}
		if from := out.From.End(); "repeated "+typeName(from) != typeName(out.Field) {
			b.problem("append: %s is %s and does not fit into %s, which is %s", a.GetFrom(), typeName(from), a.GetField(),
				typeName(out.Field))
			return out, false
		}
		return out, true
	}
	if a.GetFrom() != "" {
		b.problem("append: the elements of %s are messages; use copy and set", a.GetField())
	}
	if a.GetCopy() {
		out.Copy = copies(m, element)
	}
	out.Set = b.assignments(m, element, a.GetSet())
	if a.GetReplaceBy() != "" {
		if out.ReplaceBy = b.field(element, a.GetReplaceBy()); out.ReplaceBy == nil {
			return out, false
		}
		if !isComparable(out.ReplaceBy) {
			b.problem("replace_by: %s is %s and cannot be compared", a.GetReplaceBy(), typeName(out.ReplaceBy))
		}
	}
	return out, true
}

func (b *builder) remove(m, t protoreflect.MessageDescriptor, r *optionsv1.Remove) (out Remove, ok bool) {
	out.Field, out.Equals = b.field(t, r.GetField()), b.path(m, cmp.Or(r.GetEquals(), "?"))
	if out.Field == nil || out.Equals == nil {
		return out, false
	}
	if !out.Field.IsList() {
		b.problem("remove: %s is %s, not repeated", r.GetField(), typeName(out.Field))
		return out, false
	}
	compared, want := out.Field, "repeated "+typeName(out.Equals.End())
	if out.Field.Message() != nil {
		if out.By = b.field(out.Field.Message(), cmp.Or(r.GetBy(), "?")); out.By == nil {
			return out, false
		}
		compared, want = out.By, typeName(out.Equals.End())
		if !isComparable(compared) {
			b.problem("remove: %s is %s and cannot be compared", r.GetBy(), typeName(compared))
		}
	}
	if typeName(compared) != want {
		b.problem("remove: %s is %s, which is never equal to %s", r.GetEquals(), typeName(out.Equals.End()), compared.Name())
		return out, false
	}
	return out, true
}

func isComparable(f protoreflect.FieldDescriptor) bool { return f.Message() == nil && !f.IsList() }

func isNumber(f protoreflect.FieldDescriptor) bool {
	switch f.Kind() {
	case protoreflect.BoolKind, protoreflect.StringKind, protoreflect.BytesKind, protoreflect.EnumKind,
		protoreflect.MessageKind, protoreflect.GroupKind:
		return false
	}
	return true
}
