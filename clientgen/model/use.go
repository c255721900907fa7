package model

import (
	"slices"
	"strings"
	"unicode"
)

// Paths are all paths that the effect reads.
func (e *Effect) Paths() (out []Path) {
	for _, c := range e.When {
		out = append(out, c.Path)
	}
	for _, a := range e.Assignments() {
		out = append(out, a.From)
	}
	for _, a := range e.Append {
		out = append(out, a.From)
	}
	for _, r := range e.Remove {
		out = append(out, r.Equals)
	}
	return append(out, e.On, e.Key)
}

// Assignments are all those of the effect, also in the elements that it appends.
func (e *Effect) Assignments() []Assignment {
	out := slices.Concat(e.Set, e.Add)
	for _, a := range e.Append {
		out = append(out, a.Set...)
	}
	return out
}

// Custom are the mutations whose effects the application writes.
func (m *Model) Custom() (out []*Mutation) {
	for _, one := range m.Mutations {
		if one.Custom {
			out = append(out, one)
		}
	}
	return out
}

// Hops tells whether any path goes on in an entity.
func Hops(paths []Path) bool {
	return slices.ContainsFunc(paths, func(p Path) bool {
		return slices.ContainsFunc(p, func(s Step) bool { return s.Into != nil })
	})
}

// Spaced splits UpperCamelCase into words.
func Spaced(name string) string {
	var out strings.Builder
	for i, r := range name {
		if i > 0 && unicode.IsUpper(r) {
			out.WriteByte(' ')
		}
		out.WriteRune(r)
	}
	return out.String()
}
