package emit

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/doorstep-dev/doorstep/clientgen/model"
)

// ruled are the rules of a message; none and a noted error where clients cannot check one.
func (e *emitter) ruled(md protoreflect.MessageDescriptor) []model.Rule {
	out, err := model.Rules(md)
	if err != nil && e.err == nil {
		e.err = err
	}
	return out
}

// checker is the function that checks the rules of a message.
func checker(md protoreflect.MessageDescriptor) string { return "check" + string(md.Name()) }

// checks writes the functions that check arguments, also those of the messages within, each once.
func (e *emitter) checks(m *model.Model) {
	seen := map[protoreflect.FullName]bool{}
	var write func(md protoreflect.MessageDescriptor)
	write = func(md protoreflect.MessageDescriptor) {
		rules := e.ruled(md)
		if seen[md.FullName()] || len(rules) == 0 {
			return
		}
		seen[md.FullName()] = true
		e.blank()
		e.block(e.signature("private fun "+e.use(offline, "Rules")+"."+checker(md),
			[]string{"at: String", "value: " + e.typeOf(md)})+" {", func() {
			for _, r := range rules {
				e.rule(r)
			}
		})
		for _, r := range rules {
			if r.Into != nil {
				write(r.Into)
			}
		}
	}
	for _, one := range m.Mutations {
		write(one.Message)
	}
}

func (e *emitter) rule(r model.Rule) {
	if o := r.Chosen; o != nil {
		none := e.typeOf(o.Parent()) + "." + camel(string(o.Name())) + "Case." + strings.ToUpper(string(o.Name())) +
			"_NOT_SET"
		e.line(fmt.Sprintf("chosen(at + %q, value.%sCase != %s)", o.Name(), synthetic(camel(string(o.Name()))), none))
		return
	}
	f := r.Field
	name, value := fmt.Sprintf("at + %q", f.Name()), "value."+property(f)
	if f.IsList() {
		if r.Items != nil {
			e.line(fmt.Sprintf("items(%s, %s.size, %d, %d)", name, value, r.Items.Least, r.Items.Most))
		}
		element := fmt.Sprintf("\"${at}%s[$i]", f.Name())
		if r.Each != nil {
			e.block(value+".forEachIndexed { i, one ->", func() { e.scalar(*r.Each, element+"\"", "one", "one") })
		}
		if r.Into != nil {
			e.line(fmt.Sprintf("%s.forEachIndexed { i, one -> %s(%s.\", one) }", value, checker(r.Into), element))
		}
		return
	}
	write := func() {
		e.scalar(r, name, value, "value."+wire(f))
		if r.Into != nil {
			e.line(fmt.Sprintf("%s(at + \"%s.\", %s)", checker(r.Into), f.Name(), value))
		}
	}
	if f.HasPresence() {
		e.block("if (value.has"+getter(f)+"()) {", write)
	} else {
		write()
	}
}

// scalar writes the checks of one value, which has the number that stands for an enum.
func (e *emitter) scalar(r model.Rule, name, value, number string) {
	if r.Length != nil {
		e.line(fmt.Sprintf("length(%s, %s, %d, %d)", name, value, r.Length.Least, r.Length.Most))
	}
	if r.Pattern != "" {
		e.line(fmt.Sprintf("pattern(%s, %s, %s)", name, value, strings.ReplaceAll(fmt.Sprintf("%q", r.Pattern), "$", "\\$")))
	}
	if r.Range != nil {
		e.line(fmt.Sprintf("range(%s, %s, %d, %d)", name, value, r.Range.Least, r.Range.Most))
	}
	if r.Finite {
		e.line(fmt.Sprintf("finite(%s, %s)", name, value))
	}
	if r.Among != nil {
		params := []string{name, number}
		for _, n := range r.Among {
			params = append(params, fmt.Sprint(n))
		}
		e.line(e.signature("among", params))
	}
}
