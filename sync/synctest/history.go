package synctest

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/sync/change"
)

// Event is one thing that happened in a simulation. The checker knows nothing but events.
type Event struct {
	At   time.Duration
	What any
}

// History is what happened, in order. The same plan always gives the same history, byte for byte.
type History []Event

// The events.
type (
	// Made: a person did something on a phone, which kept it.
	Made struct {
		Phone int
		change.Mutation
	}
	// Committed: the office's tables changed, by one transaction. Failed: although it reported an error.
	Committed struct {
		Number  int
		By      string
		Failed  bool
		Items   []Item
		Gone    []uuid.UUID
		Device  change.Device
		Counter uint64
	}
	// Followed: the feeds of a user changed.
	Followed struct {
		User  change.User
		Feeds []change.FeedID
	}
	// Viewed: a replica opened a snapshot to answer a phone.
	Viewed struct {
		Number, Phone int
		User          change.User
	}
	// Told: a phone kept verdicts.
	Told struct {
		Phone    int
		Device   change.Device
		Verdicts []change.Verdict
	}
	// Shown: a phone reached the checkpoint that the view gave it. Reset: feeds that it had were sent anew.
	Shown struct {
		Phone, View int
		Device      change.Device
		LastSeq     uint64
		Reset       int
		Feeds       map[change.FeedID]map[change.Entity]string
	}
	// Differed: a phone's digests do not agree with the office's.
	Differed struct {
		Phone  int
		Device change.Device
		Feeds  []change.FeedID
	}
	// Rotted: a phone's disk has lost an entry of a feed.
	Rotted struct {
		Phone  int
		Device change.Device
		Feed   change.FeedID
	}
	// Saved: a backup was made.
	Saved struct{}
	// Restored: the database was put back to the last backup.
	Restored struct{}
	// Lost: something else happened that excuses a feed being sent anew.
	Lost struct{ What string }
	// Replaced: a phone goes on as another device.
	Replaced struct{ Phone int }
	// Revoked: the office took a phone out of service.
	Revoked struct{ Phone int }
	// Wiped: a phone that was taken out of service has cleared itself.
	Wiped struct{ Phone int }
	// Broke: something that must never happen did.
	Broke struct{ Property, Why string }
	// Rested: phones and office had the time to find one another; what is not where it belongs now is lost.
	Rested struct{}
	// Audited: at the very end, all that a device ever sent was sent again.
	Audited struct {
		Phone    int
		Device   change.Device
		Verdicts []change.Verdict
		Err      error
	}
	// Ended: the end, with the review queue.
	Ended struct{ Parked []change.Mutation }
	// Noted is for the reader.
	Noted struct{ What string }
)

// String prints the history, one event a line.
func (h History) String() string {
	var b strings.Builder
	for _, e := range h {
		fmt.Fprintf(&b, "%14s  %s\n", e.At.Round(time.Millisecond), describe(e.What))
	}
	return b.String()
}

func describe(what any) string {
	switch e := what.(type) {
	case Made:
		return fmt.Sprintf("phone %d makes %d %s %s %s", e.Phone, e.Seq, e.Kind, Label(e.ID), e.Args)
	case Committed:
		var s strings.Builder
		s.WriteString(fmt.Sprintf("commit %d by %s, counter %d", e.Number, e.By, e.Counter))
		if e.Failed {
			s.WriteString(", which reported an error")
		}
		for _, i := range e.Items {
			s.WriteString(fmt.Sprintf("\n%16s%s v%d held by %s, count %d, pool %t, shared %t, done %t, log %s", "",
				Label(i.ID), i.Version, Label(i.Holder), i.Count, i.Pool, i.Shared, i.Done, i.Log))
		}
		if len(e.Gone) > 0 {
			s.WriteString(fmt.Sprintf("\n%16s%d items are gone", "", len(e.Gone)))
		}
		return s.String()
	case Followed:
		return fmt.Sprintf("user %s follows %v", Label(uuid.UUID(e.User)), e.Feeds)
	case Viewed:
		return fmt.Sprintf("view %d for phone %d", e.Number, e.Phone)
	case Told:
		return fmt.Sprintf("phone %d is told %s", e.Phone, verdictsText(e.Verdicts))
	case Shown:
		n := 0
		for _, held := range e.Feeds {
			n += len(held)
		}
		return fmt.Sprintf("phone %d shows view %d: %d entries of %d feeds, last sequence %d, %d reset",
			e.Phone, e.View, n, len(e.Feeds), e.LastSeq, e.Reset)
	case Rotted:
		return fmt.Sprintf("the disk of phone %d loses an entry of %s", e.Phone, e.Feed)
	case Differed:
		return fmt.Sprintf("phone %d: digest differs in %v", e.Phone, e.Feeds)
	case Saved:
		return "backup"
	case Rested:
		return "all has come to rest"
	case Restored:
		return "the database is restored"
	case Lost:
		return e.What
	case Replaced:
		return fmt.Sprintf("phone %d is replaced", e.Phone)
	case Revoked:
		return fmt.Sprintf("phone %d is revoked", e.Phone)
	case Wiped:
		return fmt.Sprintf("phone %d is wiped", e.Phone)
	case Broke:
		return fmt.Sprintf("BROKEN %s: %s", e.Property, e.Why)
	case Audited:
		return fmt.Sprintf("audit of phone %d: %s %v", e.Phone, verdictsText(e.Verdicts), e.Err)
	case Ended:
		return fmt.Sprintf("end, %d parked", len(e.Parked))
	case Noted:
		return e.What
	}
	return fmt.Sprintf("%+v", what)
}

func verdictsText(vs []change.Verdict) string {
	var b strings.Builder
	for _, v := range vs {
		fmt.Fprintf(&b, "%d %s %s", v.Seq, v.Outcome, v.Code)
		for _, c := range v.Changes {
			fmt.Fprintf(&b, " (%s: %s, not %s)", c.Field, c.Kept, c.Yours)
		}
		b.WriteString("; ")
	}
	return b.String()
}
