package tenancy

import (
	"fmt"
	"slices"
	"strings"
)

// policy is the one policy of a tenant's table. On a worker of a cluster a setting that was never made arrives as
// an empty string, hence NULLIF.
const policy = ofTheOrg

// Violations lists what keeps the tenants from being spread and kept apart, a sentence each; none in a sound schema.
func (s Schema) Violations() []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	for _, t := range s.Tables {
		exempt, listed := WithoutTenant[t.Name]
		switch {
		case listed:
			t.exemptViolations(exempt, say)
		case t.OrgType == "":
			say("table %s has no org_id and is in no category: give it a tenant, or list it in tenancy.WithoutTenant", t.Name)
		default:
			t.violations(say)
		}
	}
	for _, k := range s.Keys {
		if KindOf(k.Table) == Tenant && k.Columns[0] != "org_id" {
			say("table %s: unique key %s does not begin with org_id", k.Table, k.Name)
		}
	}
	for _, f := range s.ForeignKeys {
		f.violations(say)
	}
	for _, q := range s.Sequences {
		if q.Table == "" {
			say("sequence %s belongs to no table: all tenants would share it", q.Name)
		} else if KindOf(q.Table) == Tenant {
			say("table %s numbers its rows by the sequence %s, which all tenants share", q.Table, q.Name)
		}
	}
	for _, v := range s.Views {
		if !v.Invoker {
			say("view %s looks with its owner's rights: row-level security would not hold", v.Name)
		}
	}
	for _, f := range s.Functions {
		if _, known := Definers[f.Name]; f.Definer && !known {
			say("function %s works with its owner's rights, past row-level security: list it in tenancy.Definers with what it "+
				"gives away", f.Name)
		}
		if f.Definer && !strings.HasPrefix(f.SearchPath, "search_path=pg_catalog") {
			say("function %s works with its owner's rights, and its caller may choose by search_path what its words mean",
				f.Name)
		}
		if strings.Contains(strings.ToLower(f.Source), "set_config") {
			say("function %s sets by set_config(), which workers do not hear of", f.Name)
		}
	}
	return out
}

func (t Table) violations(say func(string, ...any)) {
	if t.OrgType != "uuid" || !t.OrgRequired {
		say("table %s: org_id is %s, not a required uuid", t.Name, t.OrgType)
	}
	if !t.Guarded {
		say("table %s: row-level security is not enabled and forced", t.Name)
	}
	if !slices.Equal(t.Policies, []string{policy}) {
		say("table %s has the policies %q, not the one that all tenants' tables have", t.Name, t.Policies)
	}
}

func (t Table) exemptViolations(e Exempt, say func(string, ...any)) {
	if t.OrgType != "" && len(e.Policies) == 0 {
		say("table %s has org_id and no row-level security of its own", t.Name)
	}
	if len(e.Policies) > 0 && !t.Enabled {
		say("table %s: row-level security is not enabled", t.Name)
	}
	if !slices.Equal(t.Policies, e.Policies) {
		say("table %s has the policies %q, not those of tenancy.WithoutTenant", t.Name, t.Policies)
	}
}

func (f ForeignKey) violations(say func(string, ...any)) {
	from, to := KindOf(f.Table), KindOf(f.Other)
	switch {
	case from != Tenant && to != Tenant:
	case from != Tenant:
		say("table %s: foreign key %s refers to the tenants' table %s from outside", f.Table, f.Name, f.Other)
	case to == Reference:
	case to == Local:
		say("table %s: foreign key %s refers to %s, which stays on one node", f.Table, f.Name, f.Other)
	case f.Columns[0] != "org_id" || f.OtherColumns[0] != "org_id":
		say("table %s: foreign key %s does not begin with org_id on both sides", f.Table, f.Name)
	}
}
