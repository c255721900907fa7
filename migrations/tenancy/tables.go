// Package tenancy reads from PostgreSQL's catalogue which table belongs to tenants and which to the whole
// installation, and tells what stands in the way of spreading the tenants' tables by org_id over several primaries.
// The rules are those of Citus; a database that keeps them also keeps tenants apart on a single primary.
package tenancy

// Kind says where a table's rows live when the tenants' tables are spread.
type Kind string

// The kinds of tables.
const (
	// Tenant rows belong to one org and live where that org's rows live.
	Tenant Kind = "tenant"
	// Reference tables belong to no org and are small, seldom written, and read in one statement with tenants'
	// rows: every node holds all of them.
	Reference Kind = "reference"
	// Local tables belong to no org and are never read in one statement with tenants' rows: they stay on the node
	// that the server connects to.
	Local Kind = "local"
)

// Exempt is a table that belongs to no tenant.
type Exempt struct {
	Kind Kind
	Why  string
}

// WithoutTenant are all tables that are not keyed and guarded by org, each with its reason. Keep the list short:
// what is not on it must have org_id first in every key and row-level security that holds for its owner, too.
var WithoutTenant = map[string]Exempt{
	"sync_generation": {Reference, "one history of the whole database; read beside every device"},
	"org":             {Reference, "the directory of tenants, read before a tenant is known; its zone is read beside regions"},

	"signing_key":    {Local, "the installation's keys"},
	"enrolment_code": {Local, "finds the tenant of a code that a phone not yet enrolled shows"},
	"code_org":       {Local, "finds the tenant of a code that anybody scans"},

	"goose_db_version": {Local, "the migrations' own"},

	"river_job":          {Local, "the job queue's own"},
	"river_leader":       {Local, "the job queue's own"},
	"river_queue":        {Local, "the job queue's own"},
	"river_notification": {Local, "the job queue's own"},
	"river_migration":    {Local, "the job queue's own"},
}

// KindOf is the kind of a table of this schema.
func KindOf(table string) Kind {
	if e, ok := WithoutTenant[table]; ok {
		return e.Kind
	}
	return Tenant
}
