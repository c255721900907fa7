// Package locks watches which rows each transaction of the tests locks, and in which order, and tells what does not
// follow the one lock order of the program. See docs/ARCHITECTURE.md.
//
// It reads the statements and their arguments, for PostgreSQL does not tell who locks which rows. So it knows a row by
// the values that a statement asks for: that of its primary key where it is named, else those of other columns.
package locks

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/internal/pgtest/statement"
	"github.com/doorstep-dev/doorstep/migrations/lockorder"
	"github.com/doorstep-dev/doorstep/migrations/tenancy"
)

// Recorder is a pgx tracer for queries, batches and COPY. One serves any number of connections.
type Recorder struct {
	// Report is told of each breach, with the connection's configuration;
	// about names what is wrong, the same for all rows.
	Report func(conn *pgx.ConnConfig, about, breach string)

	mu      sync.Mutex
	order   *lockorder.Order
	primary map[string][]string // without org_id
	unique  map[string][][]string
	foreign map[string][]tenancy.ForeignKey
	read    map[string][]taking
	open    map[*pgx.Conn]*transaction
	within  map[uint64]*pgx.Conn // goroutines that have a transaction open
}

// transaction is what one has locked so far.
type transaction struct {
	tables     map[string]*held
	savepoints []map[string]*held
}

func (t *transaction) copy() map[string]*held {
	out := make(map[string]*held, len(t.tables))
	for name, h := range t.tables {
		out[name] = h.clone()
	}
	return out
}

// Know says how the tables refer to each other, and in which order they are to be locked. Until it is called, nothing
// is judged.
func (r *Recorder) Know(s tenancy.Schema, order *lockorder.Order) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.order, r.primary, r.foreign = order, map[string][]string{}, map[string][]tenancy.ForeignKey{}
	r.unique = map[string][][]string{}
	r.read, r.open, r.within = map[string][]taking{}, map[*pgx.Conn]*transaction{}, map[uint64]*pgx.Conn{}
	for _, k := range s.Keys {
		columns := slices.DeleteFunc(slices.Clone(k.Columns), func(c string) bool { return c == "org_id" })
		r.unique[k.Table] = append(r.unique[k.Table], columns)
		if k.Name == k.Table+"_pkey" {
			r.primary[k.Table] = columns
		}
	}
	for _, f := range s.ForeignKeys {
		r.foreign[f.Table] = append(r.foreign[f.Table], f)
	}
}

// see judges one statement.
func (r *Recorder) see(conn *pgx.Conn, sql string, args []any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.order == nil || strings.HasPrefix(sql, statement.OnPurpose) {
		return
	}
	t := r.open[conn]
	if t == nil {
		t = &transaction{tables: map[string]*held{}}
		r.open[conn] = t
	}
	if t.savepoint(sql) {
		return
	}
	takings, ok := r.read[sql]
	if !ok {
		takings = understand(sql)
		if len(args) > 0 || len(takings) > 0 {
			r.read[sql] = takings
		}
	}
	args = bare(args)
	for _, one := range takings {
		r.take(conn, t, one, sql, args)
	}
}

// savepoint follows savepoints: what was locked after one is free again when that is rolled back to.
func (t *transaction) savepoint(sql string) bool {
	low := strings.ToLower(strings.TrimSpace(sql))
	switch {
	case strings.HasPrefix(low, "savepoint"):
		t.savepoints = append(t.savepoints, t.copy())
	case strings.HasPrefix(low, "rollback to") && len(t.savepoints) > 0:
		t.tables = t.savepoints[len(t.savepoints)-1]
		if strings.Contains(low, "release savepoint") {
			t.savepoints = t.savepoints[:len(t.savepoints)-1]
		} else {
			t.savepoints[len(t.savepoints)-1] = t.copy()
		}
	case strings.Contains(low, "release savepoint") && len(t.savepoints) > 0:
		t.savepoints = t.savepoints[:len(t.savepoints)-1]
	default:
		return false
	}
	return true
}

// take notes that a part of a statement locks rows, and what they refer to.
func (r *Recorder) take(conn *pgx.Conn, t *transaction, one taking, sql string, args []any) {
	if one.advisory != "" {
		name, m := "advisory "+one.advisory, meant(one, args)
		if m.values[lockKey] == nil {
			m.values[lockKey] = []string{""}
		}
		r.primary[name] = []string{lockKey}
		r.lock(conn, t, name, m, one, sql, true)
		return
	}
	if _, ours := r.primary[one.table]; !ours {
		return // a common table expression, or none of the program's
	}
	m := meant(one, args)
	if one.inner && t.tables[one.table] != nil {
		return
	}
	r.lock(conn, t, one.table, m, one, sql, !one.weak)
	if one.verb != "insert" && one.verb != "update" {
		return
	}
	for _, f := range r.foreign[one.table] {
		parent := rows{values: map[string][]string{}}
		named := false
		for i, c := range f.Columns {
			if c == "org_id" {
				continue
			}
			named = named || slices.Contains(one.sets, c) || one.verb == "insert" && one.sets == nil
			if v, ok := m.values[c]; ok {
				parent.values[f.OtherColumns[i]] = v
			}
		}
		empty := false
		for _, v := range parent.values {
			empty = empty || len(v) == 0
		}
		if named && !empty && f.Other != one.table {
			r.lock(conn, t, f.Other, parent, taking{verb: "reference", table: f.Other, ordered: r.primary[f.Other]}, sql, false)
		}
	}
}

// lock judges and notes that rows of a table are locked.
func (r *Recorder) lock(conn *pgx.Conn, t *transaction, table string, m rows, one taking, sql string, strong bool) {
	for _, v := range m.values {
		if v != nil && len(v) == 0 {
			return // = ANY of nothing
		}
	}
	h := t.tables[table]
	place, _ := r.order.Place(table)
	if !strong && place.Still != "" {
		return
	}
	keys, known := m.keys(r.primary[table])
	known = known && !one.elsewhere(r.primary[table])
	missing, all := h.covers(m, keys, known)
	switch {
	case all:
	case h != nil && known && len(missing) == 0:
	case h != nil && h.unnamed && known && len(missing) == 1:
		// The row that was locked by another name, for all that can be known: it is judged now.
		h.unnamed, all = false, true
		if place.Guard == "" && place.Alone == "" && missing[0] < h.most {
			r.judge(conn, t, table, m, missing, known, one, sql)
		}
		h.keys[missing[0]], h.most = true, max(h.most, missing[0])
	case h != nil && h.passed && known:
		all = true
	}
	if all {
		h.strong = h.strong || strong
		return
	}
	if !one.skips {
		r.judge(conn, t, table, m, missing, known, one, sql)
	}
	if h == nil {
		h = &held{first: flat(sql), keys: map[string]bool{}}
		t.tables[table] = h
	}
	h.strong = h.strong || strong
	h.waited = h.waited || one.verb != "insert" || place.Fresh == ""
	h.passed = h.passed || one.skips && !known
	if !known && r.single(one, m) {
		h.unnamed = true
		return
	}
	if !known {
		h.wide = append(h.wide, m)
		return
	}
	for _, k := range keys {
		h.keys[k] = true
		h.most = max(h.most, k)
	}
}

func (r *Recorder) judge(
	conn *pgx.Conn, t *transaction, table string, m rows, missing []string, known bool, one taking, sql string,
) {
	say := func(format string, a ...any) {
		about := []any{table, flat(sql), format}
		if h := t.tables[table]; h != nil {
			about = append(about, h.first)
		}
		r.Report(conn.Config(), fmt.Sprint(about...), fmt.Sprintf(format, a...))
	}
	place, ok := r.order.Place(table)
	if !ok {
		say("table %s has no place in the lock order (migrations/lockorder), and is locked by\n\t%s", table, flat(sql))
		return
	}
	if one.verb == "insert" && place.Fresh != "" {
		return
	}
	if place.Guard != "" {
		if g := t.tables[place.Guard]; g == nil || !g.strong {
			say("rows of %s are locked without their guard in %s (%s), by\n\t%s", table, place.Guard, m, flat(sql))
		} else if v := m.values[place.By]; place.By != "" && len(v) > 0 && !g.passed && !g.unnamed && len(g.wide) == 0 {
			if gk, ok := (rows{values: map[string][]string{last(r.primary[place.Guard]): v}}).keys(r.primary[place.Guard]); ok {
				if left, all := g.covers(rows{values: map[string][]string{last(r.primary[place.Guard]): v}}, gk, true); !all {
					say("rows of %s are locked whose guards in %s are not (%q), by\n\t%s", table, place.Guard, left, flat(sql))
				}
			}
		}
		return
	}
	if place.Behind != "" && r.behind(t, place, m) {
		return
	}
	for name, h := range t.tables {
		other, ok := r.order.Place(name)
		if ok && other.Behind != "" && name != table && h.waited && !t.strong(other.Behind) && !r.order.IsLast(place) {
			say("%s is locked after %s without %s: first\n\t%s\nthen (%s)\n\t%s",
				table, name, other.Behind, h.first, m, flat(sql))
			continue
		}
		if ok && other.Guard == "" && other.Rank > place.Rank && h.waited && (other.Gap == "" || place.Gap == "") {
			say("%s is locked after %s: first\n\t%s\nthen (%s)\n\t%s", table, name, h.first, m, flat(sql))
		}
	}
	h := t.tables[table]
	several := !known && !r.single(one, m) && (len(r.primary[table]) > 0) || known && len(missing) > 1
	if place.Alone != "" || place.Gap != "" {
		return
	}
	switch {
	case several && !one.sorted(m, r.primary[table]):
		say("several rows of %s (%s) are locked in no order, by\n\t%s", table, m, flat(sql))
	case h == nil:
	case !known && r.single(one, m):
	case len(h.wide) > 0 || !known:
		say("more rows of %s are locked (%s), in which order is not known: first\n\t%s\nthen\n\t%s",
			table, m, h.first, flat(sql))
	case missing[0] < h.most:
		say("rows of %s are locked out of order (%q after %q): first\n\t%s\nthen\n\t%s",
			table, missing[0], h.most, h.first, flat(sql))
	}
}

func (t *transaction) strong(table string) bool {
	return t.tables[table] != nil && t.tables[table].strong
}

// behind tells that the rows which these belong to are locked, so that nobody else locks more than one of these.
func (r *Recorder) behind(t *transaction, place lockorder.Place, m rows) bool {
	v := m.values[place.By]
	if len(v) == 0 || !t.strong(place.Behind) {
		return false
	}
	of := rows{values: map[string][]string{last(r.primary[place.Behind]): v}}
	keys, known := of.keys(r.primary[place.Behind])
	_, all := t.tables[place.Behind].covers(of, keys, known)
	return all
}

// single tells that one row is meant whose primary key is not said: it is named by another unique key, or another table
// says it, as in id = (SELECT …).
func (r *Recorder) single(t taking, m rows) bool {
	primary := r.primary[t.table]
	for _, key := range r.unique[t.table] {
		if len(key) > 0 && !slices.ContainsFunc(key, func(c string) bool { return len(m.values[c]) != 1 }) {
			return true
		}
	}
	if t.elsewhere(primary) {
		return true
	}
	for _, c := range t.where {
		if c.column == "" && len(primary) == 1 && strings.HasPrefix(c.text, primary[0]+" = (select ") {
			return true
		}
	}
	return false
}

// elsewhere tells that an INSERT finds its row by another key than the primary one.
func (t taking) elsewhere(primary []string) bool {
	if t.conflict == nil {
		return false
	}
	for _, c := range t.conflict {
		if c != "org_id" && !slices.Contains(primary, c) {
			return true
		}
	}
	return false
}

// sorted tells that rows are locked in the order of the primary key: by all of its columns that differ among them.
func (t taking) sorted(m rows, primary []string) bool {
	differ := func(columns []string) []string {
		return slices.DeleteFunc(slices.Clone(columns), func(c string) bool { return c == "org_id" || len(m.values[c]) == 1 })
	}
	return slices.Equal(differ(t.ordered), differ(primary))
}

func last(s []string) string {
	if len(s) == 0 {
		return ""
	}
	return s[len(s)-1]
}

func flat(sql string) string { return strings.Join(strings.Fields(sql), " ") }

// begins forgets a transaction that is over.
func (r *Recorder) begins(conn *pgx.Conn) {
	if conn.PgConn().TxStatus() != 'I' {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, conn)
}

var (
	_ pgx.QueryTracer    = (*Recorder)(nil)
	_ pgx.BatchTracer    = (*Recorder)(nil)
	_ pgx.CopyFromTracer = (*Recorder)(nil)
)

// TraceQueryStart implements pgx.QueryTracer.
func (r *Recorder) TraceQueryStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	r.begins(conn)
	r.second(conn, data.SQL)
	r.see(conn, data.SQL, data.Args)
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (r *Recorder) TraceQueryEnd(_ context.Context, conn *pgx.Conn, _ pgx.TraceQueryEndData) {
	r.follow(conn)
}

// TraceBatchStart implements pgx.BatchTracer.
func (r *Recorder) TraceBatchStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	r.begins(conn)
	if len(data.Batch.QueuedQueries) > 0 {
		r.second(conn, data.Batch.QueuedQueries[0].SQL)
	}
	for _, q := range data.Batch.QueuedQueries {
		r.see(conn, q.SQL, q.Arguments)
	}
	return ctx
}

// TraceBatchQuery implements pgx.BatchTracer.
func (*Recorder) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd implements pgx.BatchTracer.
func (r *Recorder) TraceBatchEnd(_ context.Context, conn *pgx.Conn, _ pgx.TraceBatchEndData) {
	r.follow(conn)
}

// TraceCopyFromStart implements pgx.CopyFromTracer.
func (r *Recorder) TraceCopyFromStart(
	ctx context.Context, conn *pgx.Conn, data pgx.TraceCopyFromStartData,
) context.Context {
	r.begins(conn)
	r.second(conn, "COPY "+data.TableName.Sanitize())
	r.see(conn, "INSERT INTO "+data.TableName.Sanitize()+" ("+strings.Join(data.ColumnNames, ", ")+")", nil)
	return ctx
}

// TraceCopyFromEnd implements pgx.CopyFromTracer.
func (*Recorder) TraceCopyFromEnd(context.Context, *pgx.Conn, pgx.TraceCopyFromEndData) {}
