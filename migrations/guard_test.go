package migrations_test

import (
	"strings"
	"testing"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	"github.com/doorstep-dev/doorstep/migrations/tenancy"
	"github.com/doorstep-dev/doorstep/server/job"
)

func TestTheSchemaKeepsTenantsApartAndCanBeSpread(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	if err := job.Migrate(t.Context(), db.OwnerURL); err != nil {
		t.Fatal(err)
	}
	s, err := tenancy.Read(t.Context(), db.Owner)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range s.Violations() {
		t.Error(v)
	}
	known := map[string]bool{}
	for _, table := range s.Tables {
		known[table.Name] = true
	}
	for name := range tenancy.WithoutTenant {
		if !known[name] {
			t.Errorf("%s is listed as a table without tenant, and there is no such table", name)
		}
	}
}

// A guarded table to break the rules with.
const guarded = `
	CREATE TABLE broken (org_id uuid NOT NULL, id uuid NOT NULL, ticket_id uuid, name text, PRIMARY KEY (org_id, id));
	ALTER TABLE broken ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
	CREATE POLICY tenant ON broken USING (org_id = nullif(current_setting('doorstep.org', true), '')::uuid);`

func TestEveryBrokenRuleOfTheSchemaIsFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ sql, want string }{
		"nothing is broken":      {guarded, ""},
		"a table in no category": {"CREATE TABLE broken (id int)", "in no category"},
		"a primary key without org_id": {guarded +
			"ALTER TABLE broken DROP CONSTRAINT broken_pkey, ADD PRIMARY KEY (id)", "unique key broken_pkey"},
		"a primary key with org_id second": {guarded +
			"ALTER TABLE broken DROP CONSTRAINT broken_pkey, ADD PRIMARY KEY (id, org_id)", "unique key broken_pkey"},
		"a unique constraint without org_id": {
			guarded + "ALTER TABLE broken ADD UNIQUE (name)",
			"unique key broken_name_key",
		},
		"a unique index without org_id": {
			guarded + "CREATE UNIQUE INDEX own ON broken (lower(name))",
			"unique key own",
		},
		"a partial unique index without org_id": {
			guarded + "CREATE UNIQUE INDEX own ON broken (name) WHERE id IS NOT NULL",
			"unique key own",
		},
		"org_id only carried along by an index": {
			guarded + "CREATE UNIQUE INDEX own ON broken (name) INCLUDE (org_id)",
			"unique key own",
		},
		"an exclusion without org_id": {
			guarded + "ALTER TABLE broken ADD CONSTRAINT own EXCLUDE USING btree (name WITH =)",
			"unique key own",
		},
		"a foreign key without org_id": {
			guarded + "CREATE UNIQUE INDEX t ON ticket (id); " +
				"ALTER TABLE broken ADD CONSTRAINT out FOREIGN KEY (ticket_id) REFERENCES ticket (id)", "foreign key out",
		},
		"a foreign key that turns org_id round": {
			guarded + "ALTER TABLE broken ADD CONSTRAINT out FOREIGN KEY (ticket_id, org_id) REFERENCES ticket (org_id, id)",
			"foreign key out",
		},
		"a foreign key to a local table": {
			guarded + "ALTER TABLE broken ADD CONSTRAINT out FOREIGN KEY (name) REFERENCES code_org (handle)",
			"stays on one node",
		},
		"a foreign key from outside": {
			"ALTER TABLE enrolment_code ADD CONSTRAINT out FOREIGN KEY (org_id, user_id) REFERENCES app_user (org_id, id)",
			"from outside",
		},
		"row security not forced":  {guarded + "ALTER TABLE broken NO FORCE ROW LEVEL SECURITY", "not enabled and forced"},
		"row security not enabled": {guarded + "ALTER TABLE broken DISABLE ROW LEVEL SECURITY", "not enabled and forced"},
		"no policy":                {guarded + "DROP POLICY tenant ON broken", "policies []"},
		"a policy that fails where nothing is set": {
			guarded +
				"DROP POLICY tenant ON broken; " +
				"CREATE POLICY tenant ON broken USING (org_id = current_setting('doorstep.org', true)::uuid)", "policies",
		},
		"a policy of another setting": {
			guarded +
				"DROP POLICY tenant ON broken; " +
				"CREATE POLICY tenant ON broken USING (org_id = nullif(current_setting('doorstep.tenant', true), '')::uuid)",
			"policies",
		},
		"a policy that checks less than it shows": {
			guarded +
				"DROP POLICY tenant ON broken; " +
				"CREATE POLICY tenant ON broken USING (org_id = nullif(current_setting('doorstep.org', true), '')::uuid) " +
				"WITH CHECK (true)", "policies",
		},
		"a second policy that opens it": {guarded + "CREATE POLICY open ON broken FOR SELECT USING (true)", "policies"},
		"a serial column":               {guarded + "ALTER TABLE broken ADD number bigserial", "by the sequence"},
		"an identity column": {
			guarded + "ALTER TABLE broken ADD number bigint GENERATED ALWAYS AS IDENTITY",
			"by the sequence",
		},
		"a default from a sequence": {guarded +
			"CREATE SEQUENCE s; ALTER TABLE broken ADD number bigint DEFAULT nextval('s')", "by the sequence"},
		"a sequence of nobody": {"CREATE SEQUENCE s", "belongs to no table"},
		"org_id that may be missing": {
			"CREATE TABLE broken (org_id uuid, id uuid); ALTER TABLE broken ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
			"not a required uuid",
		},
		"org_id of another type": {
			"CREATE TABLE broken (org_id text NOT NULL PRIMARY KEY)",
			"not a required uuid",
		},
		"a view with its owner's eyes":         {"CREATE VIEW broken AS SELECT id FROM ticket", "its owner's rights"},
		"the directory for everybody to write": {"CREATE POLICY open ON org USING (true)", "table org has the policies"},
		"a directory without its policies": {
			"ALTER TABLE enrolment_code DISABLE ROW LEVEL SECURITY",
			"table enrolment_code: row-level security is not enabled",
		},
		"a local table that has tenants' rows": {
			"ALTER TABLE signing_key ADD org_id uuid",
			"signing_key has org_id and no row-level security",
		},
		"a function with its owner's rights": {"CREATE FUNCTION broken() RETURNS bigint LANGUAGE sql SECURITY DEFINER " +
			"SET search_path = pg_catalog AS $$ SELECT count(*) FROM public.ticket $$", "past row-level security"},
		"a definer whose caller chooses for it": {
			"ALTER FUNCTION org_of_handle(text) RESET search_path",
			"org_of_handle works with its owner's rights, and its caller",
		},
		"a function that sets by set_config": {"CREATE FUNCTION broken() RETURNS text LANGUAGE sql AS $$ SELECT " +
			"Set_Config('doorstep.org', '', true) $$", "set_config()"},
		"a materialized view of tenants' rows": {
			"CREATE MATERIALIZED VIEW broken AS SELECT id FROM ticket",
			"its owner's rights",
		},
		"a partitioned table keyed by its date": {"CREATE TABLE broken (org_id uuid NOT NULL, day date, PRIMARY KEY (day, " +
			"org_id)) PARTITION BY RANGE (day)", "unique key broken_pkey"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t)
			if _, err := db.Owner.Exec(t.Context(), c.sql); err != nil {
				t.Fatal(err)
			}
			s, err := tenancy.Read(t.Context(), db.Owner)
			if err != nil {
				t.Fatal(err)
			}
			found := strings.Join(s.Violations(), "\n")
			if c.want == "" && found != "" || !strings.Contains(found, c.want) {
				t.Errorf("found %q, want %q", found, c.want)
			}
		})
	}
}
