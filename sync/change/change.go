// Package change is the vocabulary of sync: feeds, sequences, entries, cursors, mutations, verdicts. It knows
// no storage and no trade; everything else in sync is written in its words.
package change

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Org is a tenant. Device and User are whoever acts within it.
type (
	Org    uuid.UUID
	Device uuid.UUID
	User   uuid.UUID
)

// String is the UUID in its usual form.
func (o Org) String() string { return uuid.UUID(o).String() }

// String is the UUID in its usual form.
func (d Device) String() string { return uuid.UUID(d).String() }

// String is the UUID in its usual form.
func (u User) String() string { return uuid.UUID(u).String() }

// Seq is a position in a feed, 1 for its first entry. It orders one feed and nothing else.
type Seq int64

// FeedID names an ordered, compacted stream of entity states within an org. Its text form is "kind:uuid".
type FeedID struct {
	// Kind is 1 to 16 lower-case letters, for example tech.
	Kind string
	Key  uuid.UUID
}

// String is the text form, which is also the order in which feeds are locked.
func (f FeedID) String() string { return f.Kind + ":" + f.Key.String() }

// Compare orders feeds by their text form.
func (f FeedID) Compare(g FeedID) int { return strings.Compare(f.String(), g.String()) }

// ParseFeedID reads the text form.
func ParseFeedID(s string) (FeedID, error) {
	kind, key, ok := strings.Cut(s, ":")
	if !ok || !validKind(kind) || len(key) != 36 {
		return FeedID{}, fault.New(fault.InvalidArgument, "feed %.64q", s)
	}
	id, err := uuid.Parse(key)
	if err != nil {
		return FeedID{}, fault.New(fault.InvalidArgument, "feed %.64q", s)
	}
	return FeedID{Kind: kind, Key: id}, nil
}

func validKind(kind string) bool {
	if len(kind) < 1 || len(kind) > 16 {
		return false
	}
	for i := range len(kind) {
		if kind[i] < 'a' || kind[i] > 'z' {
			return false
		}
	}
	return true
}

// Kind numbers a kind of entity; the application gives the numbers out and never reuses one.
type Kind int32

// Entity names one thing, in whatever feeds it appears.
type Entity struct {
	Kind Kind
	ID   uuid.UUID
}

// Entry is the newest state of an entity in one feed, or the fact that it left.
type Entry struct {
	Entity
	Seq     Seq
	Removed bool
	// Body is what the device keeps, byte for byte; nil when Removed.
	Body []byte
}

// Head is the end of a feed.
type Head struct {
	Feed FeedID
	// Seq is the sequence of the newest entry, 0 in an empty feed.
	Seq Seq
	// Floor is the highest sequence whose tombstone may have been collected. A cursor below it may have
	// missed a removal.
	Floor Seq
	// Digest is the sum of the digests of the live entries, see DigestOf.
	Digest Digest
	// Live is the number of live entries.
	Live int64
}

// Mutation is one thing that a person did on a device.
type Mutation struct {
	Device Device
	User   User
	// Seq counts the device's mutations 1, 2, 3, … without gaps.
	Seq uint64
	// ID is chosen by the device (UUIDv7) and never used again.
	ID   uuid.UUID
	Kind string
	// Args are opaque to the engine.
	Args []byte
	// DeviceTime is when it was done, by the device's clock.
	DeviceTime time.Time
	// Ahead is by how much the device's clock was ahead of the office's when it sent this, where Clocked says that it is
	// known.
	Ahead   time.Duration
	Clocked bool
	// Corrected is when it was done by that, of work that the device dates into the future; zero for any other.
	Corrected time.Time
	// Decided is when it was done as the office decided, of work whose device time cannot be; zero where nobody
	// decided. Only a replay has it, and DeviceTime stays beside it as it came.
	Decided time.Time
}

// Done is when it was done, for all rules: as the office decided, else as the device's clock was put right, else by the
// device's clock.
func (m Mutation) Done() time.Time {
	switch {
	case !m.Decided.IsZero():
		return m.Decided
	case !m.Corrected.IsZero():
		return m.Corrected
	}
	return m.DeviceTime
}

// Outcome says what became of a mutation. The numbers are those of the wire.
type Outcome int16

// The outcomes.
const (
	Applied  Outcome = 1
	Merged   Outcome = 2
	Rejected Outcome = 3
	Parked   Outcome = 4
)

// String is the word for an outcome.
func (o Outcome) String() string {
	switch o {
	case Applied:
		return "applied"
	case Merged:
		return "merged"
	case Rejected:
		return "rejected"
	case Parked:
		return "parked"
	}
	return "unknown"
}

// FieldChange is one field where something else was kept than what the device asked for.
type FieldChange struct {
	Field string `json:"field"`
	Yours string `json:"yours"`
	Kept  string `json:"kept"`
}

// Verdict is the lasting answer to one mutation: the first is the only one.
type Verdict struct {
	Seq     uint64
	ID      uuid.UUID
	Outcome Outcome
	// Code and Detail say why, for Rejected and Parked.
	Code    fault.Code
	Detail  fault.Text
	Changes []FieldChange
	// At is the server's time of the intake.
	At time.Time
	// Receipt is the office's signature, made by the key named.
	Receipt []byte
	Key     string
}
