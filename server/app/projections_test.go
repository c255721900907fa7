package app_test

import (
	"testing"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/sync/change"
)

func TestEveryKindOfEntityHasOneProjection(t *testing.T) {
	t.Parallel()
	of := map[change.Kind]string{}
	for _, p := range open(t).Rooms.Projections() {
		for _, k := range p.Kinds {
			if other, twice := of[k]; twice {
				t.Errorf("%s is placed by %s and by %s", fieldv1.EntityKind(k), other, p.Name)
			}
			of[k] = p.Name
		}
	}
	for n, name := range fieldv1.EntityKind_name {
		if _, ok := of[change.Kind(n)]; !ok && n != 0 {
			t.Errorf("nobody rebuilds %s", name)
		}
	}
}
