package identity

import (
	"slices"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Place is where something stands: a region, a team, a shop, or the whole org. Region is the one that a team or shop
// lies in, zero where that is not known: then only a grant over the team or shop itself reaches it.
type Place struct {
	Kind   ScopeKind
	ID     uuid.UUID
	Region uuid.UUID
}

// Reach is over what the grants of some roles extend. The zero value is nothing. A region includes its teams and
// shops; a team or shop includes nothing of its region.
type Reach struct {
	All                    bool
	Regions, Teams, Stores []uuid.UUID
	// Self: a grant over oneself, as technicians have.
	Self bool
}

func (r *Reach) add(g Grant) {
	switch g.Scope {
	case ScopeOrg:
		r.All = true
	case ScopeRegion:
		r.Regions = append(r.Regions, g.ID)
	case ScopeTeam:
		r.Teams = append(r.Teams, g.ID)
	case ScopeStore:
		r.Stores = append(r.Stores, g.ID)
	case ScopeSelf:
		r.Self = true
	}
}

func (r Reach) nothing() bool {
	return !r.All && !r.Self && len(r.Regions)+len(r.Teams)+len(r.Stores) == 0
}

// Covers tells whether all of a place lies within reach.
func (r Reach) Covers(p Place) bool {
	if r.All {
		return true
	}
	if p.ID == uuid.Nil {
		return false
	}
	inRegion := p.Region != uuid.Nil && slices.Contains(r.Regions, p.Region)
	switch p.Kind {
	case ScopeRegion:
		return slices.Contains(r.Regions, p.ID)
	case ScopeTeam:
		return inRegion || slices.Contains(r.Teams, p.ID)
	case ScopeStore:
		return inRegion || slices.Contains(r.Stores, p.ID)
	}
	return false
}

// Any tells whether one of the places lies within reach: what is done for both sides of a border is seen from either.
// What stands nowhere is within reach of the whole org only.
func (r Reach) Any(places ...Place) bool {
	return r.All || slices.ContainsFunc(places, r.Covers)
}

// Every tells whether all of the places lie within reach: who may do something in all of them is nobody's who reaches
// only one. What stands nowhere is within reach of the whole org only.
func (r Reach) Every(places ...Place) bool {
	if r.All {
		return true
	}
	for _, p := range places {
		if !r.Covers(p) {
			return false
		}
	}
	return len(places) > 0
}

// Existing is the one answer to a create whose id or key is there already: that it exists is told to who may see it,
// where it stands. Anybody else hears not_found with the name of the field, and nothing of what is there.
func (r Reach) Existing(field string, at ...Place) error {
	if r.Any(at...) {
		return nil
	}
	return Unseen(field)
}

// Unseen is the answer to an id of something that is not there, or that the caller may not see: the same for both.
func Unseen(field string) error { return fault.New(fault.NotFound, "%s", field) }

// End is one end of a relation that a caller asks for, by an id: of a region, team or shop, or with ScopeSelf of a
// technician.
type End struct {
	// Field names the id in the request, for example region_id.
	Field string
	Kind  ScopeKind
	ID    uuid.UUID
}
