// Package distribute spreads the tenants' tables of an installation by org_id over the nodes of a Citus cluster:
// rows of one org stay together on one node, orgs lie apart. It reads what there is from the catalogue, says what
// stands in the way, and makes one statement after the other, each complete in itself: a run that was cut off is
// taken up by the next.
package distribute

import (
	"fmt"
	"slices"
	"strings"

	"github.com/doorstep-dev/doorstep/migrations/tenancy"
)

// Placed is how Citus holds a table already.
type Placed struct {
	Table string
	// Kind is tenancy.Tenant for a table that is spread by hash, tenancy.Reference for one that every node holds,
	// tenancy.Local for one that Citus knows and keeps on the coordinator.
	Kind tenancy.Kind
	// Column is the one that it is spread by, "" for the other kinds.
	Column string
	// Group numbers the tables whose rows lie together.
	Group int
	// Left says that rows from before it was spread still take room on the coordinator, where nobody sees them.
	Left bool
}

// Step is one statement of a plan.
type Step struct {
	// Table is what it is about.
	Table string
	// SQL is complete in itself and changes nothing when it fails.
	SQL string
}

// Plan lists the statements that are still to be made, in order; none when everything is where it should be. It
// fails where a table is placed otherwise than the schema asks: no statement of ours repairs that.
//
// shards is the number of parts that the tenants are spread over, which only the first run decides.
func Plan(s tenancy.Schema, placed []Placed, shards int) ([]Step, error) {
	at := map[string]Placed{}
	for _, p := range placed {
		at[p.Table] = p
	}
	order, err := parentsFirst(s)
	if err != nil {
		return nil, err
	}
	anchor, begun := order[0], false
	for _, name := range order {
		if _, begun = at[name]; begun { // a table of a later upgrade may come before it in the order
			anchor = name
			break
		}
	}
	if err := agree(s, anchor, at); err != nil {
		return nil, err
	}
	var out []Step
	for _, t := range s.Triggers {
		if _, done := at[t.Table]; !done && tenancy.KindOf(t.Table) == tenancy.Tenant {
			out = append(out, Step{t.Table, fmt.Sprintf("DROP TRIGGER IF EXISTS %s ON public.%s", t.Name, t.Table)})
		}
	}
	for _, t := range s.Tables {
		if _, done := at[t.Name]; !done && tenancy.KindOf(t.Name) == tenancy.Reference {
			out = append(out, Step{t.Name, fmt.Sprintf("SELECT create_reference_table('public.%s')", t.Name)})
		}
	}
	for _, name := range order {
		if _, done := at[name]; done {
			continue
		}
		with := fmt.Sprintf("colocate_with => 'public.%s'", anchor)
		if name == anchor && !begun {
			with = fmt.Sprintf("colocate_with => 'none', shard_count => %d", shards)
		}
		out = append(out, Step{name, fmt.Sprintf("SELECT create_distributed_table('public.%s', 'org_id', %s)", name, with)})
	}
	// Children first: a table whose rows others refer to cannot be emptied before them.
	for _, name := range slices.Backward(order) {
		if p, done := at[name]; done && p.Left {
			out = append(out, free(name))
		}
	}
	for _, t := range s.Tables {
		if p, done := at[t.Name]; done && p.Left && tenancy.KindOf(t.Name) == tenancy.Reference {
			out = append(out, free(t.Name))
		}
	}
	return out, nil
}

func free(table string) Step {
	return Step{table, fmt.Sprintf("SELECT truncate_local_data_after_distributing_table('public.%s')", table)}
}

// agree says where a table is placed otherwise than it should be, or not where anchor lies.
func agree(s tenancy.Schema, anchor string, at map[string]Placed) error {
	var wrong []string
	for _, t := range s.Tables {
		p, done := at[t.Name]
		want := tenancy.KindOf(t.Name)
		switch {
		case !done, want == tenancy.Local && p.Kind == tenancy.Local:
		case p.Kind != want:
			wrong = append(wrong, fmt.Sprintf("%s is %s, not %s", t.Name, p.Kind, want))
		case want == tenancy.Tenant && p.Column != "org_id":
			wrong = append(wrong, fmt.Sprintf("%s is spread by %s, not by org_id", t.Name, p.Column))
		case want == tenancy.Tenant && p.Group != at[anchor].Group:
			wrong = append(wrong, fmt.Sprintf("%s lies apart from %s", t.Name, anchor))
		}
	}
	if len(wrong) > 0 {
		return fmt.Errorf("placed otherwise than the schema asks: %s", strings.Join(wrong, "; "))
	}
	return nil
}

// parentsFirst orders the tenants' tables so that what a foreign key refers to comes before what has it; within
// that by name, so that every run has the same order.
func parentsFirst(s tenancy.Schema) ([]string, error) {
	waits := map[string]map[string]bool{}
	for _, t := range s.Tables {
		if tenancy.KindOf(t.Name) == tenancy.Tenant {
			waits[t.Name] = map[string]bool{}
		}
	}
	for _, f := range s.ForeignKeys {
		if waits[f.Table] != nil && waits[f.Other] != nil && f.Table != f.Other {
			waits[f.Table][f.Other] = true
		}
	}
	var out []string
	for len(waits) > 0 {
		var ready []string
		for name, on := range waits {
			if len(on) == 0 {
				ready = append(ready, name)
			}
		}
		if len(ready) == 0 {
			return nil, fmt.Errorf("the foreign keys of the tenants' tables go round in a circle")
		}
		slices.Sort(ready)
		for _, name := range ready {
			delete(waits, name)
			for _, on := range waits {
				delete(on, name)
			}
		}
		out = append(out, ready...)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("there are no tenants' tables")
	}
	return out, nil
}
