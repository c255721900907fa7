// Package statement watches the statements of a pool and tells which of them could not be run on a database whose
// tenants are spread over several primaries, or would let one tenant's transaction touch another's rows.
package statement

import (
	"context"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/migrations/tenancy"
)

// OnPurpose begins a statement of a test that breaks the rules on purpose, to see what the database does about it.
// It is not judged.
const OnPurpose = "/* on purpose */ "

// Recorder is a pgx tracer for queries, batches and COPY. One serves any number of connections.
type Recorder struct {
	// Report is told of each breach, with the connection's configuration.
	Report func(conn *pgx.ConnConfig, breach string)
	// Seen, if set, is told of each statement that touches tenants' tables.
	Seen func(conn *pgx.ConnConfig, sql string, args []any)

	mu      sync.Mutex
	tenants map[string]bool
	read    map[string]meaning
	open    map[*pgx.Conn]string // the tenants of transactions that are under way
}

// Know says which tables belong to tenants. Until it is called, no table does.
func (r *Recorder) Know(tenants map[string]bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tenants, r.read, r.open = tenants, map[string]meaning{}, map[*pgx.Conn]string{}
}

var (
	_ pgx.QueryTracer    = (*Recorder)(nil)
	_ pgx.BatchTracer    = (*Recorder)(nil)
	_ pgx.CopyFromTracer = (*Recorder)(nil)
)

// meaning is what one text of SQL does, whatever its arguments.
type meaning struct {
	tenants, locals []string
	sets            []string // tenants that it sets with SET LOCAL, as written
	setsOtherwise   bool     // by set_config(), or for the whole session
	notifies        bool
	namesOrg        int
	orgs            []int // arguments that are compared with, or inserted as, org_id
}

func (r *Recorder) meaning(sql string) meaning {
	m, ok := r.read[sql]
	if !ok {
		m = r.understand(sql)
		if len(m.sets) == 0 { // a text that names an org is not seen again
			r.read[sql] = m
		}
	}
	return m
}

func (r *Recorder) understand(sql string) meaning {
	var m meaning
	if strings.HasPrefix(sql, OnPurpose) {
		return m
	}
	tokens := scan(sql)
	for _, name := range tables(tokens) {
		if r.tenants[name] {
			m.tenants = append(m.tenants, name)
		} else if e, ok := tenancy.WithoutTenant[name]; ok && e.Kind == tenancy.Local {
			m.locals = append(m.locals, name)
		}
	}
	at := func(i int) string {
		if i < 0 || i >= len(tokens) {
			return ""
		}
		return tokens[i]
	}
	is := func(i int, words ...string) bool {
		for n, w := range words {
			if at(i+n) != w {
				return false
			}
		}
		return true
	}
	for i, t := range tokens {
		switch {
		case t == "set_config" && strings.HasPrefix(at(i+2), "'doorstep."), is(i, "set_config", "(") &&
			strings.HasPrefix(at(i+2), "$"):
			m.setsOtherwise = true
		case is(i, "doorstep", ".", "org") && (at(i+3) == "=" || at(i+3) == "to"):
			if at(i-1) == "local" {
				m.sets = append(m.sets, strings.Trim(at(i+4), "'"))
			} else {
				m.setsOtherwise = true
			}
		case t == "notify" && (i == 0 || at(i-1) == ";"), is(i, "pg_notify", "("):
			m.notifies = true
		case t == "org_id":
			m.namesOrg++
			if at(i+1) == "=" {
				m.orgs = append(m.orgs, parameter(at(i+2))...)
			}
			if at(i-1) == "(" && at(i-3) == "into" {
				m.orgs = append(m.orgs, inserted(tokens[i:])...)
			}
		}
	}
	return m
}

// inserted finds the first value of an INSERT whose columns begin with org_id: VALUES ($1, …) or SELECT $1, ….
func inserted(tokens []string) []int {
	for i, t := range tokens {
		switch {
		case t == ")" && i+3 < len(tokens) && tokens[i+1] == "values" && tokens[i+2] == "(":
			return parameter(tokens[i+3])
		case t == ")" && i+2 < len(tokens) && tokens[i+1] == "select":
			return parameter(tokens[i+2])
		case t == ")":
			return nil
		}
	}
	return nil
}

func parameter(token string) []int {
	n, err := strconv.Atoi(strings.TrimPrefix(token, "$"))
	if err != nil || !strings.HasPrefix(token, "$") || n < 1 {
		return nil
	}
	return []int{n - 1}
}

// see judges one statement. Whatever it breaks is reported; it changes nothing.
func (r *Recorder) see(conn *pgx.Conn, sql string, args []any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tenants == nil {
		return
	}
	m := r.meaning(sql)
	if conn.PgConn().TxStatus() == 'I' {
		delete(r.open, conn)
	}
	tenant := r.open[conn]
	say := func(format string, a ...any) {
		r.Report(conn.Config(), fmt.Sprintf(format, a...)+": "+strings.Join(strings.Fields(sql), " "))
	}
	for _, org := range m.sets {
		if tenant != "" && org != tenant {
			say("a transaction of org %s goes on as org %s", tenant, org)
		}
		tenant = org
	}
	if tenant != "" {
		r.open[conn] = tenant
	}
	if m.setsOtherwise {
		say("the tenant is set otherwise than by SET LOCAL doorstep.org = '…'")
	}
	if m.notifies && tenant != "" {
		say("NOTIFY in a tenant's transaction")
	}
	if len(m.tenants) == 0 {
		return
	}
	if r.Seen != nil {
		r.Seen(conn.Config(), sql, args)
	}
	if tenant == "" {
		say("%s touched outside a tenant's transaction", m.tenants)
	}
	if m.namesOrg < len(m.tenants) {
		say("%s touched without naming org_id: every node would be asked", m.tenants)
	}
	if len(m.locals) > 0 {
		say("%s touched in one statement with %s, which stay on one node", m.tenants, m.locals)
	}
	for _, i := range m.orgs {
		if org := orgOf(args, i); org != "" && tenant != "" && org != tenant {
			say("%s touched for org %s in a transaction of org %s", m.tenants, org, tenant)
		}
	}
}

// orgOf reads an argument as an org's id; "" for what is none.
func orgOf(args []any, i int) string {
	// Options of pgx (QueryExecMode, …) stand before the arguments.
	for len(args) > 0 {
		switch args[0].(type) {
		case pgx.QueryExecMode, pgx.QueryResultFormats, pgx.QueryResultFormatsByOID, pgx.QueryRewriter:
			args = args[1:]
			continue
		}
		break
	}
	if i >= len(args) {
		return ""
	}
	if s, ok := args[i].(string); ok {
		if id, err := uuid.Parse(s); err == nil {
			return id.String()
		}
		return ""
	}
	v := reflect.ValueOf(args[i])
	if v.IsValid() && v.Type().ConvertibleTo(reflect.TypeFor[uuid.UUID]()) {
		return v.Convert(reflect.TypeFor[uuid.UUID]()).Interface().(uuid.UUID).String()
	}
	return ""
}

// TraceQueryStart implements pgx.QueryTracer.
func (r *Recorder) TraceQueryStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	r.see(conn, data.SQL, data.Args)
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (*Recorder) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TraceBatchStart implements pgx.BatchTracer.
func (r *Recorder) TraceBatchStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	for _, q := range data.Batch.QueuedQueries {
		r.see(conn, q.SQL, q.Arguments)
	}
	return ctx
}

// TraceBatchQuery implements pgx.BatchTracer.
func (*Recorder) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd implements pgx.BatchTracer.
func (*Recorder) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// TraceCopyFromStart implements pgx.CopyFromTracer.
func (r *Recorder) TraceCopyFromStart(
	ctx context.Context, conn *pgx.Conn, data pgx.TraceCopyFromStartData,
) context.Context {
	r.see(conn, "INSERT INTO "+data.TableName.Sanitize()+" ("+strings.Join(data.ColumnNames, ", ")+")", nil)
	return ctx
}

// TraceCopyFromEnd implements pgx.CopyFromTracer.
func (*Recorder) TraceCopyFromEnd(context.Context, *pgx.Conn, pgx.TraceCopyFromEndData) {}
