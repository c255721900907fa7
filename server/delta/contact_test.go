package delta

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/internal/pgtest"
	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

func TestCallsOfADeviceThatOverlapTakeNothingOfEachOtherBack(t *testing.T) {
	t.Parallel()
	org, device := change.Org(uuid.New()), change.Device(uuid.New())
	for round := range 2000 {
		c := &Contacts{}
		var all sync.WaitGroup
		all.Go(func() { c.Watched(org, device, []byte("held")) })
		all.Go(func() { c.Carried(org, device, []byte("given")) })
		all.Wait()
		n := c.heard[org][device]
		if string(n.Held) != "held" || string(n.Given) != "given" || c.count != 1 {
			t.Fatalf("round %d: held %q, given %q, %d devices", round, n.Held, n.Given, c.count)
		}
	}
}

// Whoever changes what waits of a device keeps all others out from reading it to writing it.
func TestWhatWaitsOfADeviceIsChangedUnderOneLock(t *testing.T) {
	t.Parallel()
	c := &Contacts{}
	c.add(change.Org(uuid.New()), change.Device(uuid.New()), func(*postgres.Contact) {
		if c.mu.TryLock() {
			c.mu.Unlock()
			t.Error("another call could change it meanwhile")
		}
	})
}

func TestACarriedPageDoesNotTakeBackThePullThatCameBesideIt(t *testing.T) {
	t.Parallel()
	org, device := change.Org(uuid.New()), change.Device(uuid.New())
	at := time.Now()
	for round := range 2000 {
		c := &Contacts{}
		c.Watched(org, device, []byte("old"))
		var all sync.WaitGroup
		all.Go(func() {
			c.Pulled(org, device, &syncv1.PullRequest{Cursor: []byte("new"), AppVersion: "7"}, []byte("next"), at)
		})
		all.Go(func() { c.Carried(org, device, []byte("carried")) })
		all.Wait()
		if n := c.heard[org][device]; n.PulledAt != at || n.AppVersion != "7" || string(n.Held) != "new" {
			t.Fatalf("round %d: %+v", round, n)
		}
	}
}

// Two servers write what they heard of the same devices at the same time: one the pages that they were carried, the
// other their watches.
func TestServersThatWriteContactsOfTheSameDevicesTakeNothingOfEachOtherBack(t *testing.T) {
	t.Parallel()
	store := &postgres.Store{Pool: pgtest.New(t).App, Now: time.Now}
	org := change.Org(uuid.New())
	devices := make([]change.Device, 20)
	for i := range devices {
		devices[i] = change.Device(uuid.New())
	}
	for round := range 20 {
		held, given := fmt.Appendf(nil, "held %d", round), fmt.Appendf(nil, "given %d", round)
		one, other := &Contacts{Store: store}, &Contacts{Store: store}
		for _, d := range devices {
			one.Watched(org, d, held)
			other.Carried(org, d, given)
		}
		var all sync.WaitGroup
		for _, c := range []*Contacts{one, other} {
			all.Go(func() {
				if err := c.Flush(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for _, d := range devices {
			err := store.Read(t.Context(), org, func(tx *postgres.Tx) error {
				n, err := tx.Reported(t.Context(), d)
				if !bytes.Equal(n.Held, held) || !bytes.Equal(n.Given, given) {
					t.Errorf("round %d: held %q, given %q", round, n.Held, n.Given)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}
