package offline

import (
	"time"

	"github.com/google/uuid"

	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
)

// Kind numbers a kind of entity; the application gives the numbers their meaning.
type Kind uint32

// Entity names one thing.
type Entity struct {
	Kind Kind
	ID   uuid.UUID
}

// Item is an entity with its body, byte for byte as the server sent it or as an effect made it.
type Item struct {
	Entity
	Body []byte
}

// Mutation is one thing that a person did on this device.
type Mutation struct {
	// Seq counts the device's mutations from 1. It changes when the device enrols anew; ID never does.
	Seq uint64
	// ID is a UUIDv7.
	ID   uuid.UUID
	Kind string
	Args []byte
	// DeviceTime is when it was done, by the device's clock, in microseconds.
	DeviceTime time.Time
}

// Change is what an effect does to one entity: a new body, or its removal.
type Change struct {
	Entity
	Body    []byte
	Removed bool
}

// Effect tells what a mutation will most likely change, so that it shows before the server has answered. It is
// pure: the same view and mutation give the same changes. What it cannot understand changes nothing.
type Effect func(v *View, m Mutation) []Change

// Action is a mutation with its verdict, if there is one.
type Action struct {
	Mutation
	// Device is the identity under which it was, or will be, sent.
	Device uuid.UUID
	// JudgedAs is the identity that the verdict was given to: an earlier one, when the device enrolled anew since then.
	JudgedAs uuid.UUID
	// Tried: it was sent at least once, and the answer may have been lost.
	Tried bool
	// Verdict is the first one, nil before it came.
	Verdict *syncv1.Verdict
	// Waits: the server is not known to have it, see Store.Waiting.
	Waits bool
	// Covered: the state shown contains the effect, the overlay does not any more.
	Covered bool
	// Seen: a person was shown that it needs attention.
	Seen bool
}

// NeedsAttention tells whether the server did not do what was asked: rejected or parked.
func (a Action) NeedsAttention() bool {
	switch a.Verdict.GetOutcome() {
	case syncv1.Outcome_OUTCOME_REJECTED, syncv1.Outcome_OUTCOME_PARKED:
		return true
	}
	return false
}

// Changed is an entity that a checkpoint changed. Before is nil when it was not there, After when it left.
type Changed struct {
	Entity
	Before, After []byte
}

// Unsent counts what only this device has.
type Unsent struct {
	// Mutations that the server is not known to have, see Store.Waiting.
	Mutations int
	// Files whose bytes the server has not confirmed.
	Files int
	// Bytes of those files.
	Bytes int64
}

// Empty tells whether everything is with the server.
func (u Unsent) Empty() bool { return u.Mutations == 0 && u.Files == 0 }
