package offline_test

import (
	"testing"

	"github.com/doorstep-dev/doorstep/sync/synctest"
)

// One old action in the queue keeps neither new jobs from coming nor the photos of what was done before it from going.
func TestAnAppThatIsTooOldGoesOnPullingAndSendingFiles(t *testing.T) {
	t.Parallel()
	o, s := openOffice(t), openShelf(t)
	o.intake.Retired = map[string]bool{"count": true}
	user, items := o.worker(t, 1)
	watching := o.phone(t, user, nil)
	watching.Uploads = s
	watching.photo(s, 500) // has its verdict in the same round
	watching.do("count", synctest.Args{Item: items[0]})
	p := run(t, watching)
	if n := <-p.uploaded; n != 1 {
		t.Errorf("%d photos went", n)
	}
	p.gets(t, o, user)
	if u, err := p.Store.Unsent(t.Context()); err != nil || u.Mutations != 1 || u.Files != 0 {
		t.Errorf("unsent %+v, %v", u, err)
	}
}
