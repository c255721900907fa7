package locks

import (
	"maps"
	"slices"
	"strings"

	"github.com/doorstep-dev/doorstep/internal/pgtest/statement"
)

// taking is what one part of a statement locks: rows of one table.
type taking struct {
	verb  string // insert, update, delete, select
	table string
	// where the rows are, as far as the text says.
	where []condition
	// sets are the columns that an UPDATE sets; of an INSERT all that it names.
	sets []string
	// ordered are the columns by which the rows are sorted before they are locked.
	ordered []string
	// skips: rows that are locked are passed over, so that it never waits.
	skips bool
	// weak: FOR KEY SHARE, as foreign keys do.
	weak bool
	// conflict are the columns of the key by which an INSERT finds that the row is there; others than the primary key's
	// do not tell which row that is.
	conflict []string
	// inner: the rows are those that another part of the statement has locked.
	inner bool
	// advisory is the text of an advisory lock's key.
	advisory string
}

// condition is what a part of a WHERE asks: that a column has a value, or one of several. Where it is not understood,
// column is empty and text says it.
type condition struct {
	column string
	value  value
	text   string
}

// value is a parameter, a literal, or nothing that is known.
type value struct {
	parameter int // from 1 on
	literal   string
	many      bool // the parameter is an array, one element of which is meant
}

func (v value) known() bool { return v.parameter > 0 || v.literal != "" }

// item is a token, or all that stands between a pair of brackets.
type item struct {
	word  string
	group []item
}

func (i item) is(words ...string) bool { return i.group == nil && slices.Contains(words, i.word) }

// nest turns tokens into items.
func nest(tokens []string) []item {
	stack := [][]item{{}}
	for _, t := range tokens {
		top := len(stack) - 1
		switch {
		case t == "(":
			stack = append(stack, []item{})
		case t == ")" && top > 0:
			group := stack[top]
			stack = stack[:top]
			stack[top-1] = append(stack[top-1], item{word: "(", group: append(make([]item, 0, len(group)), group...)})
		default:
			stack[top] = append(stack[top], item{word: t})
		}
	}
	return stack[0]
}

// understand finds what a text of SQL locks, in the order in which it does.
func understand(sql string) []taking {
	var out []taking
	for _, one := range split(nest(statement.Scan(sql)), ";") {
		out = append(out, parts(one, nil)...)
	}
	return out
}

func split(items []item, words ...string) [][]item {
	var out [][]item
	from := 0
	for i, t := range items {
		if t.is(words...) {
			out = append(out, items[from:i])
			from = i + 1
		}
	}
	return append(out, items[from:])
}

// parts reads a query with all that is nested in it: what is nested locks first.
func parts(items []item, before []taking) []taking {
	var out []taking
	for _, one := range split(items, "union", "except", "intersect") {
		var nested []taking
		for i, t := range one {
			if t.group == nil {
				continue
			}
			if i > 0 && strings.HasPrefix(one[i-1].word, "pg_advisory_") {
				nested = append(nested, advisory(t.group, one))
			}
			nested = append(nested, parts(t.group, append(before[:len(before):len(before)], nested...))...)
		}
		out = append(out, nested...)
		for i, t := range one {
			if t.is("select", "insert", "update", "delete") {
				out = append(out, part(one[i:], append(before[:len(before):len(before)], nested...))...)
				break
			}
		}
	}
	return out
}

// lockKey is the column that an advisory lock's key is kept in, as if each kind of lock were a table.
const lockKey = "key"

// advisory reads the key of an advisory lock in one SELECT: it differs by a parameter, or by what unnest makes of one.
func advisory(key, one []item) taking {
	t := taking{verb: "select", advisory: text(key)}
	columns := map[string]value{}
	if from, ok := after(one, "from", "where", "order"); ok {
		all, _, _ := sources(from)
		for _, s := range all {
			maps.Copy(columns, s.columns)
		}
	}
	if slices.ContainsFunc(one, func(t item) bool { return t.is("order") }) {
		t.ordered = []string{lockKey}
	}
	var look func(items []item)
	look = func(items []item) {
		for i, k := range items {
			look(k.group)
			v, ok := columns[k.word]
			if !ok && k.group == nil {
				v = valueOf(items[i : i+1])
			}
			if v.parameter > 0 && len(t.where) == 0 {
				t.where = []condition{{column: lockKey, value: v}}
			}
		}
	}
	look(key)
	return t
}

// text is how items were written, more or less.
func text(items []item) string {
	var b strings.Builder
	for i, t := range items {
		if i > 0 {
			b.WriteByte(' ')
		}
		if t.group != nil {
			b.WriteString("(" + text(t.group) + ")")
		} else {
			b.WriteString(t.word)
		}
	}
	return b.String()
}

// source is a table, or a set of parameters, under the name that the statement gives it.
type source struct {
	table string
	alias string
	// columns of unnest($2, $3) AS alias (a, b).
	columns map[string]value
}

var endsSources = []string{
	"where", "group", "order", "having", "limit", "offset", "returning", "window", "for", "set", "values", "on conflict",
}

// sources reads what stands after FROM, USING or UPDATE, and the conditions of its joins.
func sources(items []item) (out []source, joins []condition, rest []item) {
	expect, outer := true, false
	for i := 0; i < len(items); {
		t := items[i]
		switch {
		case t.is(endsSources...):
			return out, joins, items[i:]
		case t.is("on"):
			end := i + 1
			for end < len(items) && !items[end].is("join", "left", "right", "cross", "inner", "full", ",") &&
				!items[end].is(endsSources...) {
				end++
			}
			if !outer { // what an outer join asks for leaves no row out
				joins = append(joins, conditions(items[i+1:end])...)
			}
			i = end
		case t.is(",", "join"):
			outer = i > 0 && items[i-1].is("left", "full", "right")
			expect = true
			i++
		case expect && !t.is("only", "lateral"):
			var s source
			i, s = oneSource(items, i)
			out = append(out, s)
			expect = false
		default:
			i++
		}
	}
	return out, joins, nil
}

var noAlias = append([]string{
	"join", "left", "right", "cross", "inner", "full", "on", ",", "using", "from", "natural", "(", "default",
	"select", "with",
}, endsSources...)

func oneSource(items []item, i int) (int, source) {
	var s source
	if items[i].group == nil {
		s.table = strings.Trim(items[i].word, `"`)
		if s.table == "public" && i+2 < len(items) && items[i+1].word == "." {
			i += 2
			s.table = strings.Trim(items[i].word, `"`)
		}
	}
	name := s.table
	i++
	var arguments []item
	if name != "" && i < len(items) && items[i].group != nil { // a function
		s.table, arguments = "", items[i].group
		i++
		if i+1 < len(items) && items[i].is("with") && items[i+1].is("ordinality") {
			i += 2
		}
	}
	s.alias = name
	if i < len(items) && items[i].is("as") {
		i++
	}
	if i < len(items) && items[i].group == nil && !items[i].is(noAlias...) {
		s.alias = items[i].word
		i++
	}
	if name == "unnest" {
		s.columns = map[string]value{}
		names := []string{s.alias}
		if i < len(items) && items[i].group != nil {
			names = names[:0]
			for _, n := range split(items[i].group, ",") {
				names = append(names, n[0].word)
			}
			i++
		}
		for n, argument := range split(arguments, ",") {
			if v := valueOf(argument); n < len(names) && v.parameter > 0 {
				v.many = true
				s.columns[names[n]] = v
			}
		}
	} else if i < len(items) && items[i].group != nil {
		i++
	}
	return i, s
}

// valueOf reads $1, 'x', 1, and these with a cast.
func valueOf(items []item) value {
	if len(items) == 0 || items[0].group != nil || len(items) > 1 && items[1].word != ":" {
		return value{}
	}
	w := items[0].word
	switch {
	case w[0] == '$':
		n := 0
		for _, c := range w[1:] {
			n = n*10 + int(c-'0')
		}
		return value{parameter: n}
	case w[0] == '\'':
		return value{literal: strings.Trim(w, "'")}
	case w[0] >= '0' && w[0] <= '9', w == "true", w == "false":
		return value{literal: w}
	}
	return value{}
}

// conditions reads what AND joins. One that OR makes uncertain is kept as text.
func conditions(items []item) []condition {
	if slices.ContainsFunc(items, func(t item) bool { return t.is("or") }) {
		return []condition{{text: text(items)}}
	}
	var out []condition
	for _, one := range split(items, "and") {
		if len(one) > 0 {
			out = append(out, oneCondition(one))
		}
	}
	return out
}

func oneCondition(one []item) condition {
	c := condition{text: text(one)}
	column, rest := columnOf(one)
	if column == "" || len(rest) < 2 {
		return c
	}
	switch {
	case rest[0].is("=") && rest[1].is("any") && len(rest) > 2:
		if v := valueOf(rest[2].group); v.parameter > 0 {
			v.many = true
			c.column, c.value = column, v
		}
	case rest[0].is("="):
		if v := valueOf(rest[1:]); v.known() {
			c.column, c.value = column, v
		} else if other, tail := columnOf(rest[1:]); other != "" && len(tail) == 0 {
			c.column, c.value = column, value{literal: "=" + other} // resolved by bind
		}
	}
	return c
}

// columnOf reads a or t.a; what follows is the rest.
func columnOf(items []item) (string, []item) {
	name := func(i int) bool {
		if i >= len(items) || items[i].group != nil {
			return false
		}
		c := items[i].word[0]
		return c == '_' || c >= 'a' && c <= 'z'
	}
	if !name(0) {
		return "", items
	}
	if len(items) > 2 && items[1].word == "." && name(2) {
		return items[0].word + "." + items[2].word, items[3:]
	}
	return items[0].word, items[1:]
}

// part reads one SELECT, INSERT, UPDATE or DELETE without what is nested in it.
func part(items []item, nested []taking) []taking {
	switch items[0].word {
	case "insert":
		return []taking{insert(items)}
	case "update":
		return []taking{change(items[1:], "update", nested)}
	case "delete":
		return []taking{change(items[2:], "delete", nested)}
	}
	return selects(items)
}

// after gives what follows the first of these words, up to one of the ends.
func after(items []item, word string, ends ...string) ([]item, bool) {
	at := slices.IndexFunc(items, func(t item) bool { return t.is(word) })
	if at < 0 {
		return nil, false
	}
	end := at + 1
	for end < len(items) && !items[end].is(ends...) {
		end++
	}
	return items[at+1 : end], true
}

func change(items []item, verb string, nested []taking) taking {
	own, _, rest := sources(items)
	t := taking{verb: verb, table: own[0].table}
	all := own[:1]
	if verb == "delete" {
		all = own // DELETE FROM t USING u, whose USING is read as t's
		if more, ok := after(items, "using", "where", "returning"); ok {
			add, joins, _ := sources(more)
			all = append(all[:1:1], add...)
			t.where = append(t.where, joins...)
		}
	} else if more, ok := after(rest, "from", "where", "returning"); ok {
		add, joins, _ := sources(more)
		all = append(all[:1:1], add...)
		t.where = append(t.where, joins...)
	}
	if sets, ok := after(rest, "set", "from", "where", "returning"); ok {
		for _, one := range split(sets, ",") {
			if len(one) > 0 && one[0].group == nil {
				t.sets = append(t.sets, one[0].word)
			} else if len(one) > 0 {
				for _, c := range split(one[0].group, ",") {
					t.sets = append(t.sets, c[0].word)
				}
			}
		}
	}
	if where, ok := after(rest, "where", "returning"); ok {
		t.where = append(t.where, conditions(where)...)
	}
	t.where = bind(t.where, own[0], all)
	t.inner = slices.ContainsFunc(nested, func(n taking) bool { return n.table == t.table })
	return t
}

func insert(items []item) taking {
	t := taking{verb: "insert", table: strings.Trim(items[2].word, `"`)}
	i := 3
	if t.table == "public" && items[3].word == "." {
		t.table, i = strings.Trim(items[4].word, `"`), 5
	}
	if i < len(items) && items[i].is("as") {
		i += 2
	}
	if i >= len(items) || items[i].group == nil {
		return t
	}
	for _, c := range split(items[i].group, ",") {
		t.sets = append(t.sets, strings.Trim(c[0].word, `"`))
	}
	rest := items[i+1:]
	for n, one := range rest {
		if one.is("conflict") && n+1 < len(rest) && rest[n+1].group != nil {
			for _, c := range split(rest[n+1].group, ",") {
				t.conflict = append(t.conflict, c[0].word)
			}
		}
	}
	give := func(values [][]item, from []source) {
		for n, one := range values {
			if n >= len(t.sets) {
				return
			}
			v := valueOf(one)
			if column, tail := columnOf(one); !v.known() && len(tail) == 0 {
				for _, s := range from {
					if p, ok := s.columns[strings.TrimPrefix(column, s.alias+".")]; ok {
						v = p
					}
				}
			}
			if v.known() {
				t.where = append(t.where, condition{column: t.sets[n], value: v})
			}
		}
	}
	if values, ok := after(rest, "values", "on", "returning"); ok && len(values) == 1 {
		give(split(values[0].group, ","), nil)
	} else if chosen, ok := after(rest, "select", "from", "where", "on", "returning"); ok {
		var from []source
		if f, ok := after(rest, "from", "where", "order", "returning"); ok {
			from, _, _ = sources(f)
		}
		give(split(chosen, ","), from)
	}
	t.ordered = orderOf(rest)
	// ORDER BY names what is selected, which has the column's name in the table.
	if chosen, ok := after(rest, "select", "from", "where", "on", "returning"); ok {
		for n, one := range split(chosen, ",") {
			column, tail := columnOf(one)
			for i, o := range t.ordered {
				if column != "" && len(tail) == 0 && n < len(t.sets) && o == column[strings.IndexByte(column, '.')+1:] {
					t.ordered[i] = t.sets[n]
				}
			}
		}
	}
	return t
}

func orderOf(items []item) (columns []string) {
	at := slices.IndexFunc(items, func(t item) bool { return t.is("order") })
	if at < 0 {
		return nil
	}
	by, _ := after(items[at:], "by", "limit", "for", "on", "returning", "offset")
	for _, one := range split(by, ",") {
		if c, rest := columnOf(one); c != "" && len(rest) == 0 {
			columns = append(columns, c[strings.IndexByte(c, '.')+1:])
		} else {
			columns = append(columns, "?")
		}
	}
	return columns
}

// selects reads a SELECT … FOR UPDATE, or SHARE.
func selects(items []item) []taking {
	at := -1
	for i, t := range items {
		if t.is("for") && i+1 < len(items) && items[i+1].is("update", "share", "no", "key") {
			at = i
			break
		}
	}
	if at < 0 {
		return nil
	}
	from, _ := after(items[:at], "from")
	all, joins, rest := sources(from)
	where, _ := after(rest, "where", "group", "order", "having", "limit", "offset")
	found := append(joins, conditions(where)...)
	if slices.ContainsFunc(rest, func(t item) bool { return t.is("limit") }) {
		found = append(found, condition{text: "limit"})
	}
	lock := items[at:]
	var of []string
	if names, ok := after(lock, "of", "skip", "nowait"); ok {
		for _, n := range split(names, ",") {
			of = append(of, n[0].word)
		}
	}
	ordered := orderOf(rest)
	var out []taking
	for _, s := range all {
		if s.table == "" || of != nil && !slices.Contains(of, s.alias) {
			continue
		}
		out = append(out, taking{
			verb: "select", table: s.table, where: bind(found, s, all), ordered: ordered,
			weak:  len(lock) > 2 && lock[1].is("key"),
			skips: slices.ContainsFunc(lock, func(t item) bool { return t.is("skip") }),
		})
	}
	return out
}

// bind keeps the conditions on one source, with what other sources say of their values.
func bind(found []condition, own source, all []source) []condition {
	of := func(column string) (s source, name string, ok bool) {
		alias, name, qualified := strings.Cut(column, ".")
		if !qualified {
			return own, column, true
		}
		for _, s := range all {
			if s.alias == alias {
				return s, name, true
			}
		}
		return own, name, alias == own.table
	}
	// What is known of columns of others, by alias.column.
	known := map[string]value{}
	for _, s := range all {
		for c, v := range s.columns {
			known[s.alias+"."+c] = v
		}
	}
	for _, c := range found {
		if s, name, ok := of(c.column); c.column != "" && ok && !strings.HasPrefix(c.value.literal, "=") {
			known[s.alias+"."+name] = c.value
		}
	}
	var out []condition
	for _, c := range found {
		if c.column == "" {
			out = append(out, c)
			continue
		}
		pairs := [][2]string{{c.column, ""}}
		if other, joined := strings.CutPrefix(c.value.literal, "="); joined {
			pairs = [][2]string{{c.column, other}, {other, c.column}}
		}
		for _, p := range pairs {
			s, name, ok := of(p[0])
			if !ok || s.alias != own.alias {
				continue
			}
			if p[1] == "" {
				out = append(out, condition{column: name, value: c.value, text: c.text})
				continue
			}
			o, other, ok := of(p[1])
			if v, have := known[o.alias+"."+other]; ok && have {
				out = append(out, condition{column: name, value: v, text: c.text})
			} else {
				out = append(out, condition{text: c.text})
			}
		}
	}
	return out
}
