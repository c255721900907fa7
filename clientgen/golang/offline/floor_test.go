package offline_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/synctest"
)

func TestAPhoneThatWasAwayLongerThanTombstonesAreKeptIsPutRightAndKeepsItsWork(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	user, items := o.worker(t, 2)
	p := o.phone(t, user, nil)
	p.sync()
	p.do("add", synctest.Args{Item: items[1]})
	o.give(t, items[0], uuid.New())
	if gone, err := o.Collect(t.Context(), change.Org(o.org), time.Now().Add(time.Hour)); err != nil || gone == 0 {
		t.Fatal(gone, err)
	}
	if r := p.sync(); r.Pushed != 1 {
		t.Errorf("%+v", r)
	}
	shown := p.shown()
	if _, still := shown[items[0]]; still || len(shown) != 1 || shown[items[1]] != 1 || o.count(t, items[1]) != 1 {
		t.Errorf("shown %v, at the office %d", shown, o.count(t, items[1]))
	}
}
