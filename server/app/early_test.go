package app_test

import (
	"context"
	"testing"

	"github.com/google/uuid"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
)

func TestAPhoneThatBeginsFromNothingGetsTodaysJobsFirst(t *testing.T) {
	t.Parallel()
	c := open(t, generous)
	today, later, nobodys := c.assigned(t), c.assigned(t), c.opened(t)
	schedule := func(from string) {
		_, err := c.db.Owner.Exec(context.WithoutCancel(t.Context()), `UPDATE visit
			SET scheduled_from = `+from+` WHERE id = $1`, later.visit)
		must(t, err)
	}
	schedule("now() + interval '7 days'")
	t.Cleanup(func() { schedule("NULL") }) // the feeds are compared with the tables in the end
	token := c.phone(t, c.tech).GetTokens().GetAccess()
	// The whole is larger than a page of one byte, but not larger than a usual page.
	res, err := c.sync().Pull(t.Context(), with(&syncv1.PullRequest{Early: true, MaxBytes: 1}, token))
	must(t, err)
	p := res.Msg
	if p.Early == nil || len(p.Feeds) > 0 || len(p.Cursor) > 0 || p.Checkpoint != nil || p.GetWhole().GetEntries() == 0 ||
		p.GetWhole().GetBytes() == 0 {
		t.Fatalf("%v", p)
	}
	got := map[fieldv1.EntityKind][]uuid.UUID{}
	for _, f := range p.Early.Feeds {
		for _, e := range f.Entries {
			got[fieldv1.EntityKind(e.Kind)] = append(got[fieldv1.EntityKind(e.Kind)], uuid.UUID(e.Id))
		}
	}
	for kind, want := range map[fieldv1.EntityKind]uuid.UUID{
		fieldv1.EntityKind_ENTITY_KIND_TICKET: today.ticket, fieldv1.EntityKind_ENTITY_KIND_VISIT: today.visit,
	} {
		if len(got[kind]) != 1 || got[kind][0] != want {
			t.Errorf("%s: %v, want %s alone (not %s, not %s)", kind, got[kind], want, later.ticket, nobodys)
		}
	}
	if len(got[fieldv1.EntityKind_ENTITY_KIND_VERIFY_KEY]) == 0 || len(got[fieldv1.EntityKind_ENTITY_KIND_PROFILE]) != 1 {
		t.Errorf("keys or profile are missing: %v", got)
	}
	res, err = c.sync().Pull(t.Context(), with(&syncv1.PullRequest{Early: true}, token))
	must(t, err)
	if p = res.Msg; p.Early != nil || p.Checkpoint == nil || p.GetWhole().GetEntries() == 0 {
		t.Errorf("the whole fits into a page, and yet: early %v", p.Early)
	}
}
