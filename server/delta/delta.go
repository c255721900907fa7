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

// Config is what the service stands on. All fields but Early and Contacts are required.
type Config struct {
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
	// Payloads reads and checks what parked mutations carry.
	Payloads Payloads
	// Contacts hears what devices say of themselves; nil hears nothing.
	Contacts *Contacts
}

// Service implements SyncService and ParkedService. Make it with New.
type Service struct {
	Config
	access Access
	people People

	carried carried
	shares  shares
}

// New makes the service.
func New(c Config, access Access, people People) *Service {
	return &Service{Config: c, access: access, people: people}
}

// device returns the caller, who must be a device of somebody.
func device(ctx context.Context) (identity.Identity, error) {
	who, err := identity.Require(ctx)
	if err == nil && who.Device == uuid.Nil {
		err = fault.New(fault.Forbidden, "sync is for enrolled devices")
	}
	return who, err
}

// reader returns the caller, who must be a device that may still read.
func (s *Service) reader(ctx context.Context) (identity.Identity, error) {
	who, err := device(ctx)
	if err != nil {
		return who, err
	}
	gone, err := s.access.Revoked(ctx, who)
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
