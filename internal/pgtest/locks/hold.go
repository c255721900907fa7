package locks

import (
	"encoding"
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// rows says which rows of a table are meant: columns with the values that they may have, and other conditions, which
// are known by their text alone.
type rows struct {
	values map[string][]string
	others []string
}

// within tells that all of these rows are among the others.
func (r rows) within(o rows) bool {
	for column, may := range o.values {
		mine, ok := r.values[column]
		if !ok {
			return false
		}
		for _, v := range mine {
			if !slices.Contains(may, v) {
				return false
			}
		}
	}
	for _, c := range o.others {
		if !slices.Contains(r.others, c) {
			return false
		}
	}
	return true
}

func (r rows) String() string {
	var out []string
	for c, v := range r.values {
		if len(v) > 3 {
			v = append(slices.Clone(v[:3]), "…")
		}
		out = append(out, c+" = "+strings.Join(v, ", "))
	}
	sort.Strings(out)
	return strings.Join(append(out, r.others...), " and ")
}

// keys gives the rows' primary keys in order, where they are all known.
func (r rows) keys(primary []string) (keys []string, ok bool) {
	keys = []string{""}
	several := 0
	for _, column := range primary {
		values, ok := r.values[column]
		if len(values) > 1 {
			several++
		}
		if !ok || several > 1 { // which value goes with which is not known
			return nil, false
		}
		var next []string
		for _, k := range keys {
			for _, v := range values {
				next = append(next, k+"\x00"+v)
			}
		}
		keys = next
	}
	sort.Strings(keys)
	return slices.Compact(keys), true
}

// meant finds the rows that a part of a statement means with these arguments. org_id is left out: a transaction is of
// one org.
func meant(t taking, args []any) rows {
	r := rows{values: map[string][]string{}}
	for _, c := range t.where {
		if c.column == "org_id" {
			continue
		}
		if c.column != "" {
			if v, ok := resolve(c.value, args); ok {
				if old, twice := r.values[c.column]; twice {
					v = slices.DeleteFunc(v, func(s string) bool { return !slices.Contains(old, s) })
				}
				r.values[c.column] = v
				continue
			}
		}
		r.others = append(r.others, c.text)
	}
	return r
}

func resolve(v value, args []any) ([]string, bool) {
	if v.parameter == 0 {
		return []string{v.literal}, v.literal != ""
	}
	if v.parameter > len(args) {
		return nil, false
	}
	return plain(args[v.parameter-1], v.many)
}

// plain writes an argument so that the order of the texts is the order of the keys.
func plain(a any, many bool) ([]string, bool) {
	v := reflect.ValueOf(a)
	for v.IsValid() && v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil, true
		}
		v = v.Elem()
	}
	if !v.IsValid() {
		return nil, true
	}
	if id := reflect.TypeFor[uuid.UUID](); v.Type().ConvertibleTo(id) && v.Kind() == reflect.Array {
		return []string{v.Convert(id).Interface().(uuid.UUID).String()}, true
	}
	switch {
	case v.CanInt():
		return []string{fmt.Sprintf("%020d", v.Int())}, true
	case v.CanUint():
		return []string{fmt.Sprintf("%020d", v.Uint())}, true
	case v.Kind() == reflect.String:
		return []string{strings.ToLower(v.String())}, true
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
		return []string{fmt.Sprintf("%x", v.Bytes())}, true
	case v.Kind() == reflect.Slice && many:
		out := []string{}
		for i := range v.Len() {
			one, ok := plain(v.Index(i).Interface(), false)
			if !ok {
				return nil, false
			}
			out = append(out, one...)
		}
		return out, true
	}
	if s, ok := v.Interface().(fmt.Stringer); ok {
		return []string{s.String()}, true
	}
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		b, err := m.MarshalText()
		return []string{string(b)}, err == nil
	}
	return nil, false
}

// bare takes pgx's options off the front of arguments.
func bare(args []any) []any {
	for len(args) > 0 {
		switch args[0].(type) {
		case pgx.QueryExecMode, pgx.QueryResultFormats, pgx.QueryResultFormatsByOID, pgx.QueryRewriter:
			args = args[1:]
			continue
		}
		break
	}
	return args
}

// held is what a transaction has locked of one table.
type held struct {
	first string // the statement that locked first
	keys  map[string]bool
	most  string // the greatest key
	wide  []rows // rows whose keys are not known
	// waited tells that the transaction may have waited for a row, or may let others wait: not so for rows that are new.
	waited bool
	// unnamed tells that the last lock was of one row whose key is not known.
	unnamed bool
	// passed tells that rows were locked that nobody else had locked, whichever these were.
	passed bool
	// strong tells that something was locked for more than a reference.
	strong bool
}

func (h *held) clone() *held {
	c := *h
	c.keys = make(map[string]bool, len(h.keys))
	for k := range h.keys {
		c.keys[k] = true
	}
	c.wide = slices.Clone(h.wide)
	return &c
}

// covers tells that all these rows are locked already. Keys that are not, are returned.
func (h *held) covers(r rows, keys []string, known bool) (missing []string, all bool) {
	if h == nil {
		return keys, false
	}
	if slices.ContainsFunc(h.wide, r.within) {
		return nil, true
	}
	if !known {
		return nil, false
	}
	for _, k := range keys {
		if !h.keys[k] {
			missing = append(missing, k)
		}
	}
	return missing, len(missing) == 0
}
