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
	// Policies are those of its row-level security, by name; a table that has a column org_id must have some.
	Policies []string
}

const (
	ofTheOrg = `permissive for * to public using (org_id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid) check -`
	// of servers before version 14 of the schema
	ofAnOwner  = `permissive for r to public using signed_in_as_owner() check -`
	everybody  = `permissive for r to public using true check -`
	itself     = `(id = (NULLIF(current_setting('doorstep.org'::text, true), ''::text))::uuid)`
	beginsWith = `permissive for a to public using - check ` + itself
	changes    = `permissive for w to public using ` + itself + ` check -`
)

// Definers are the functions that work with their owner's rights, each with what it gives away.
var Definers = map[string]string{
	"org_of_enrolment_code": "whose code it is, to whoever knows its keyed hash",
	"org_of_handle":         "whose handle it is, to whoever read it on a code",
}

// WithoutTenant are all tables that are not keyed and guarded by org, each with its reason. Keep the list short:
// what is not on it must have org_id first in every key and row-level security that holds for its owner, too.
var WithoutTenant = map[string]Exempt{
	"sync_generation": {Reference, "one history of the whole database; read beside every device", nil},
	"org": {
		Reference, "the directory of tenants, read before a tenant is known; its zone is read beside regions",
		[]string{beginsWith, changes, everybody},
	},

	"signing_key": {Local, "the installation's keys", nil},
	"enrolment_code": {
		Local, "finds the tenant of a code that a phone not yet enrolled shows",
		[]string{ofAnOwner, ofTheOrg},
	},
	"code_org": {Local, "finds the tenant of a code that anybody scans", []string{ofAnOwner, ofTheOrg}},

	"goose_db_version": {Local, "the migrations' own", nil},

	"river_job":          {Local, "the job queue's own", nil},
	"river_leader":       {Local, "the job queue's own", nil},
	"river_queue":        {Local, "the job queue's own", nil},
	"river_notification": {Local, "the job queue's own", nil},
	"river_migration":    {Local, "the job queue's own", nil},
}

// KindOf is the kind of a table of this schema.
func KindOf(table string) Kind {
	if e, ok := WithoutTenant[table]; ok {
		return e.Kind
	}
	return Tenant
}
