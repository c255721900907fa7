// Package delta serves the sync protocol over Connect: pull, push, watch, and the office's review queue. It
// translates between the wire and the engine and adds nothing of its own; docs/PROTOCOL.md is its contract.
package delta

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/intake"
	"github.com/doorstep-dev/doorstep/sync/postgres"
	"github.com/doorstep-dev/doorstep/sync/watch"
)

// Service implements SyncService and ParkedService.
type Service struct {
	Store  *postgres.Store
	Hub    *watch.Hub
	Intake *intake.Intake[*postgres.Tx]
	Log    *slog.Logger
	// Heartbeat is the longest silence on a watch; MaxAge its longest life, from which up to a quarter is
	// taken by chance so that phones do not come back together.
	Heartbeat, MaxAge time.Duration
	// Early says what a device needs first when it begins from nothing, read in tx; nil has no early part.
	Early func(ctx context.Context, tx *postgres.Tx, who identity.Identity) (feed.Wanted, error)
	// KeepDays is what devices are told: how long to keep what has a verdict, in case of a restore; see PushResponse.
	KeepDays uint32
	// MaxWatches bounds open watches; more are told to come later. See shares for what one caller may hold of them.
	MaxWatches int
	// MayHear tells whether a caller may listen for a topic that is no feed; nil allows none.
	MayHear func(ctx context.Context, who identity.Identity, topic string) bool
	// Revoked tells whether a device lost its access: it may not read, and what it pushes is kept as evidence.
	// nil revokes nobody.
	Revoked func(ctx context.Context, who identity.Identity) (bool, error)
	// Oversees returns whether a user's work lies within a reach, read in tx. Without it nobody's does.
	Oversees func(ctx context.Context, tx *postgres.Tx, reach identity.Reach) (func(user uuid.UUID) (bool, error), error)
	// Payloads reads and checks what parked mutations carry.
	Payloads Payloads
	// NameOf gives the name of a person of the office, empty for nobody known; optional.
	NameOf func(ctx context.Context, tx *postgres.Tx, user change.User) (string, error)
	// Zone is the time zone of the company that tx reads; optional.
	Zone func(ctx context.Context, tx *postgres.Tx) (*time.Location, error)
	// Contacts hears what devices say of themselves; optional.
	Contacts *Contacts

	carried carried
	shares  shares
}

// device returns the caller, who must be a device of somebody.
func device(ctx context.Context) (identity.Identity, error) {
	who, err := identity.Require(ctx)
	if err == nil && who.Device == uuid.Nil {
		err = fault.New(fault.Forbidden, "sync is for enrolled devices")
	}
	return who, err
}

func (s *Service) revoked(ctx context.Context, who identity.Identity) (bool, error) {
	if s.Revoked == nil {
		return false, nil
	}
	return s.Revoked(ctx, who)
}

// reader returns the caller, who must be a device that may still read.
func (s *Service) reader(ctx context.Context) (identity.Identity, error) {
	who, err := device(ctx)
	if err != nil {
		return who, err
	}
	gone, err := s.revoked(ctx, who)
	if err == nil && gone {
		err = fault.New(fault.DeviceRevoked, "")
	}
	return who, err
}

// jittered takes up to a quarter off d.
func jittered(d time.Duration) time.Duration {
	return d - time.Duration(rand.Int64N(int64(d)/4+1))
}

func verdictToWire(v change.Verdict) *syncv1.Verdict {
	out := &syncv1.Verdict{
		Sequence: v.Seq, Id: v.ID[:], Outcome: syncv1.Outcome(v.Outcome), Code: string(v.Code),
		ServerTime: timestamppb.New(v.At), Receipt: v.Receipt, Key: v.Key,
	}
	if v.Code != "" {
		f := &fault.Error{Code: v.Code, Detail: v.Detail}
		out.English, out.Chinese = f.Public("en"), f.Public("zh")
	}
	for _, c := range v.Changes {
		out.Changes = append(out.Changes, &syncv1.FieldChange{Field: c.Field, Yours: c.Yours, Kept: c.Kept})
	}
	return out
}
