// Package intake takes mutations in exactly once. A mutation's effect, its verdict and the device's counter
// commit in one transaction; whoever asks again gets the first verdict; what fails is kept for a person and
// holds nobody up.
package intake

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// MaxArgs is the largest size of a mutation's arguments in bytes.
const MaxArgs = 512 << 10

// perTransaction bounds how many mutations share a transaction, and so how long its locks are held.
const perTransaction = 50

// Result is what a mutator made of a mutation. The zero value is not a result.
type Result struct {
	Outcome change.Outcome
	// Code and Detail say why, for Rejected and Parked.
	Code    fault.Code
	Detail  fault.Text
	Changes []change.FieldChange
}

var errNoOutcome = errors.New("intake: the mutator returned neither an outcome nor an error")

func (r Result) valid() bool { return r.Outcome >= change.Applied && r.Outcome <= change.Parked }

// Done is the result of a mutation that was applied as asked.
func Done() Result { return Result{Outcome: change.Applied} }

// MergedWith is the result of a mutation of which some fields were not taken over.
func MergedWith(changes ...change.FieldChange) Result {
	return Result{Outcome: change.Merged, Changes: changes}
}

// Park keeps the mutation for a person; see fault.Textf for the detail. What the mutator wrote so far stays.
func Park(code fault.Code, format string, args ...any) Result {
	return Result{Outcome: change.Parked, Code: code, Detail: fault.Textf(format, args...)}
}

// Reject refuses the mutation for good; see fault.Textf for the detail. What the mutator wrote so far stays; to undo
// it, return a fault.
func Reject(code fault.Code, format string, args ...any) Result {
	return Result{Outcome: change.Rejected, Code: code, Detail: fault.Textf(format, args...)}
}

// Mutator applies one kind of mutation within the transaction tx.
//
// It returns a Result, and then what it wrote stays. Or it returns an error, and then what it wrote is undone:
// a fault of any but the internal kind rejects the mutation with its code; an error that the store calls
// transient ends the whole push, which the device repeats; any other error, and a panic, parks the mutation.
type Mutator[T any] func(ctx context.Context, tx T, m change.Mutation) (Result, error)

// Record is a mutation with its verdict, as the store keeps it.
type Record struct {
	Mutation change.Mutation
	Verdict  change.Verdict
	// Duplicate says that the same id came before, under another number or from another device; the verdict
	// repeats the first one's outcome.
	Duplicate bool
	// Subject is what the mutation is about, where it holds up what the device does on that afterwards: parked work that
	// later work builds on. Zero for any other.
	Subject uuid.UUID
}

// Tx is what a store's open transaction offers to the intake. It is bound to one org.
type Tx interface {
	// Open locks the device's counter until the transaction ends, making it if needed, and reads under that
	// lock: the highest sequence with a verdict; whether the counter belongs to a lost history of the database
	// (fresh), so that the device may go on from its own number; and the records of the device from sequence
	// from to to, and of any device whose id is one of ids. held has the subjects of the device's work that is parked and
	// still open, each with the first such mutation.
	Open(ctx context.Context, d change.Device, from, to uint64,
		ids []uuid.UUID) (last uint64, fresh bool, known []Record, held Held, err error)
	// Savepoint runs fn; when it returns an error, all that it wrote and placed is undone.
	Savepoint(ctx context.Context, fn func() error) error
	// Kept is what is kept of a device's work for a person to decide; with evidence also what was refused with its
	// content. The device's counter is locked by Open.
	Kept(ctx context.Context, d change.Device, evidence bool) (Kept, error)
	// Save stores the records, those with a Parked verdict also in the review queue, and sets the counter.
	Save(ctx context.Context, d change.Device, last uint64, records []Record) error
}

// Held are subjects with work that waits for a person, and the first mutation that does.
type Held map[uuid.UUID]uuid.UUID

// Store runs transactions.
type Store[T Tx] interface {
	// Transact runs fn in one transaction bound to org, writes what was placed into feeds, commits, and makes
	// the changed feeds dirty. It may run fn again when the database asks for that.
	Transact(ctx context.Context, org change.Org, fn func(T) error) error
	// Transient tells whether an error lies in the moment and not in the mutation: a lost connection, a
	// deadlock, an ended context.
	Transient(err error) bool
}

// Intake takes mutations in for a store.
type Intake[T Tx] struct {
	Store    Store[T]
	Mutators map[string]Mutator[T]
	// Lock, if set, is called before the mutators of a push of several mutations, with those that have no verdict yet: it
	// locks in one order what they will lock in the phone's.
	Lock func(ctx context.Context, tx T, ms []change.Mutation) error
	// Alone are kinds of which each mutation has a transaction of its own: what it will lock is known only when it has
	// begun, so that Lock cannot do it before.
	Alone map[string]bool
	// Retired are kinds that only apps send which are too old by now: they are not taken in, the device is told
	// ClientTooOld, and its queue waits for the upgrade.
	Retired map[string]bool
	Signer  change.Signer
	// Now is the office's clock.
	Now func() time.Time
	// MaxAhead is how far a device's clock may be ahead of the office's before its mutations are parked.
	MaxAhead time.Duration
	// Quota bounds the undecided work of one device, Evidence what a device without rights hands in; zero takes the
	// defaults. Beyond it ParkedFull stops the device's queue until somebody decides: what is not taken in stays on the
	// device.
	Quota, Evidence Kept
	// Subject tells what a mutation is about, when it builds on what the device did on the same thing before: after work
	// that is parked for its time, or because it failed, it is parked, too, instead of being refused for what is missing.
	// Zero for what stands alone. Optional.
	Subject func(ctx context.Context, tx T, m change.Mutation) (uuid.UUID, error)
	// Panicked hears of panics in mutators, for the log.
	Panicked func(m change.Mutation, value any, stack []byte)
}

// Push says what to do with a device's mutations.
type Push struct {
	Org       change.Org
	Device    change.Device
	User      change.User
	Mutations []change.Mutation
	// HeldFrom is the lowest number from which on the device still holds all its mutations; 0 when it does not say.
	HeldFrom uint64
	// Clock is the device's as it sends this; zero when it does not say.
	Clock time.Time
	// ParkAll, if set, parks everything with this code instead of applying it: the device lost its rights,
	// its work is still evidence.
	ParkAll fault.Code
}

// Take takes consecutive mutations in and returns a verdict for each. On an error some may have been taken in
// already; sending all again is safe. A gap gives SequenceGap with the next expected number in the GapError.
// Before a retired kind it stops, with fewer verdicts than mutations; when that is the first, with ClientTooOld. Before
// one for which the device's quota has no place it stops alike, with ParkedFull.
func (in *Intake[T]) Take(ctx context.Context, p Push) ([]change.Verdict, error) {
	for i, m := range p.Mutations {
		if m.Seq != p.Mutations[0].Seq+uint64(i) {
			return nil, fault.New(fault.InvalidArgument, "mutations are not consecutive at %d", m.Seq)
		}
	}
	p.Mutations = in.timed(p)
	verdicts := make([]change.Verdict, 0, len(p.Mutations))
	for rest := p.Mutations; len(rest) > 0; {
		n := in.share(rest)
		part, err := in.transact(ctx, p, rest[:n])
		if stopped(err) && len(verdicts) > 0 {
			return verdicts, nil
		}
		if err != nil {
			return nil, err
		}
		verdicts = append(verdicts, part...)
		if len(part) < n {
			return verdicts, nil
		}
		rest = rest[n:]
	}
	return verdicts, nil
}

// share tells how many of the first mutations share a transaction.
func (in *Intake[T]) share(ms []change.Mutation) int {
	if in.Alone[ms[0].Kind] {
		return 1
	}
	ms = ms[:min(len(ms), perTransaction)]
	if n := slices.IndexFunc(ms, func(m change.Mutation) bool { return in.Alone[m.Kind] }); n > 0 {
		return n
	}
	return len(ms)
}

// care is how much is done so that one mutation can fail alone.
type care int

const (
	// fast applies all without savepoints and gives up at the first that fails.
	fast care = iota
	// careful has a savepoint for each.
	careful
	// evidence applies nothing and parks all: the last resort, when even the commit fails for a reason that
	// lies in the mutation.
	evidence
)

var errFailedFast = errors.New("intake: a mutation failed without a savepoint")

// stopped tells whether a queue stops before a mutation, of which nothing was taken in.
func stopped(err error) bool {
	code := fault.CodeOf(err)
	return code == fault.ClientTooOld || code == fault.ParkedFull
}

// transact takes mutations in within one transaction, up to the first for which the device's quota has no place.
func (in *Intake[T]) transact(ctx context.Context, p Push, ms []change.Mutation) ([]change.Verdict, error) {
	for {
		verdicts, err := in.carefully(ctx, p, ms)
		var full *fullError
		if !errors.As(err, &full) || full.at == 0 {
			return verdicts, err
		}
		ms = ms[:full.at]
	}
}

// carefully takes mutations in with as little care as they need.
func (in *Intake[T]) carefully(ctx context.Context, p Push, ms []change.Mutation) ([]change.Verdict, error) {
	verdicts, err := in.attempt(ctx, p, ms, fast)
	if !in.lies(ctx, err) {
		return verdicts, err
	}
	verdicts, err = in.attempt(ctx, p, ms, careful)
	if !in.lies(ctx, err) {
		return verdicts, err
	}
	// The transaction fails as a whole. Find the one at fault by giving each its own.
	verdicts = nil
	for i := range ms {
		one, err := in.attempt(ctx, p, ms[i:i+1], careful)
		if in.lies(ctx, err) {
			in.Panicked(ms[i], err, nil)
			one, err = in.attempt(ctx, p, ms[i:i+1], evidence)
		}
		if stopped(err) && i > 0 {
			return verdicts, nil
		}
		if err != nil {
			return nil, err
		}
		verdicts = append(verdicts, one...)
	}
	return verdicts, nil
}

// lies tells whether an error lies in the mutations, so that trying with more care helps.
func (in *Intake[T]) lies(ctx context.Context, err error) bool {
	if err == nil || ctx.Err() != nil || in.Store.Transient(err) {
		return false
	}
	switch fault.CodeOf(err) {
	case fault.SequenceGap, fault.SequenceReused, fault.ClientTooOld, fault.ParkedFull:
		return false
	}
	return true
}

func (in *Intake[T]) attempt(
	ctx context.Context, p Push, ms []change.Mutation, c care,
) (verdicts []change.Verdict, err error) {
	err = in.Store.Transact(ctx, p.Org, func(tx T) error {
		verdicts, err = in.take(ctx, tx, p, ms, c)
		return err
	})
	return verdicts, err
}

// GapError says that mutations are missing before those that were sent.
type GapError struct{ Expected uint64 }

func (e *GapError) Error() string { return fmt.Sprintf("expected sequence %d", e.Expected) }

// ExpectedSequence is what the wire tells the device to send from.
func (e *GapError) ExpectedSequence() uint64 { return e.Expected }

// expected is the highest number that the push may begin with, when last has a verdict. Where the database went back in
// time (fresh, or it never heard of a device that has a past), the device may have forgotten numbers that the database
// has forgotten, too: those are skipped, and no others.
func (p Push) expected(last uint64, fresh bool) uint64 {
	if !fresh && last > 0 {
		return last + 1
	}
	if fresh && p.HeldFrom == 0 {
		return p.Mutations[0].Seq // an app that does not say: its number is believed
	}
	return max(last+1, p.HeldFrom)
}

func (in *Intake[T]) take(ctx context.Context, tx T, p Push, ms []change.Mutation, c care) ([]change.Verdict, error) {
	first := ms[0].Seq
	ids := make([]uuid.UUID, len(ms))
	for i, m := range ms {
		ids[i] = m.ID
	}
	last, fresh, known, held, err := tx.Open(ctx, p.Device, first, ms[len(ms)-1].Seq, ids)
	if err != nil {
		return nil, err
	}
	if expected := p.expected(last, fresh); first > expected {
		return nil, fault.Wrap(&GapError{expected}, fault.SequenceGap, "send from %d", expected)
	}
	last = max(last, first-1)
	bySeq, byID := index(known, p.Device)

	if in.Lock != nil && len(ms) > 1 && ms[len(ms)-1].Seq > last && p.ParkAll == "" {
		if err := in.Lock(ctx, tx, ms[min(len(ms), int(max(last+1, first)-first)):]); err != nil {
			return nil, err
		}
	}
	verdicts := make([]change.Verdict, 0, len(ms))
	var records []Record
	kept := in.quota(p)
	for i, m := range ms {
		m.Device, m.User = p.Device, p.User
		if m.Seq <= last {
			old, ok := bySeq[m.Seq]
			if !ok || old.Mutation.ID != m.ID || !bytes.Equal(old.Mutation.Args, m.Args) || old.Mutation.Kind != m.Kind {
				return nil, fault.New(fault.SequenceReused, "sequence %d", m.Seq)
			}
			verdicts = append(verdicts, old.Verdict)
			continue
		}
		_, duplicate := byID[m.ID]
		if in.Retired[m.Kind] && !duplicate && p.ParkAll == "" {
			if len(verdicts) == 0 {
				return nil, fault.New(fault.ClientTooOld, "%s", m.Kind)
			}
			break
		}
		v, err := in.decide(ctx, tx, p, m, byID, held, c)
		if err != nil {
			return nil, err
		}
		if v.Outcome == change.Parked || p.ParkAll != "" {
			if err := kept.add(ctx, tx, p, m, i); err != nil {
				return nil, err
			}
		}
		last = m.Seq
		record := Record{Mutation: m, Verdict: v, Duplicate: duplicate}
		if !duplicate && holds(v) && p.ParkAll == "" {
			if record.Subject, err = in.subject(ctx, tx, m); err != nil {
				return nil, err
			}
			held = held.with(record.Subject, m.ID)
		}
		records = append(records, record)
		if !duplicate {
			byID[m.ID] = record
		}
		verdicts = append(verdicts, v)
	}
	if len(records) == 0 {
		return verdicts, nil
	}
	return verdicts, tx.Save(ctx, p.Device, last, records)
}

func index(known []Record, d change.Device) (map[uint64]Record, map[uuid.UUID]Record) {
	bySeq, byID := make(map[uint64]Record, len(known)), make(map[uuid.UUID]Record, len(known))
	for _, r := range known {
		if r.Mutation.Device == d {
			bySeq[r.Mutation.Seq] = r
		}
		byID[r.Mutation.ID] = r
	}
	return bySeq, byID
}

// sameWork tells whether two mutations of one id say the same, whatever device brings them and under whatever number.
// A verdict is signed for what it was given for.
func sameWork(a, b change.Mutation) bool {
	return a.User == b.User && a.Kind == b.Kind && bytes.Equal(a.Args, b.Args)
}

// decide finds the verdict of one new mutation and signs it.
func (in *Intake[T]) decide(
	ctx context.Context, tx T, p Push, m change.Mutation, byID map[uuid.UUID]Record, held Held, c care,
) (change.Verdict, error) {
	now := in.Now()
	at := now.UTC().Truncate(time.Microsecond)
	var result Result
	var err error
	mutate, known := in.Mutators[m.Kind]
	old, duplicate := byID[m.ID]
	var before uuid.UUID
	if len(held) > 0 && !duplicate {
		if before, err = in.heldUp(ctx, tx, m, held); err != nil {
			return change.Verdict{}, err
		}
	}
	switch {
	case len(m.Args) > MaxArgs:
		result = Reject(fault.MutationTooLarge, "%d bytes, at most %d", len(m.Args), MaxArgs)
	case duplicate && !sameWork(old.Mutation, m):
		result = Reject(fault.MutationIDReused, "")
	case duplicate:
		// The same action came before, under another number or from another phone. It has had its effect, at that time: a
		// device that holds the first verdict sees by it that nothing was forgotten.
		v := old.Verdict
		at = v.At
		result = Result{Outcome: v.Outcome, Code: v.Code, Detail: v.Detail, Changes: v.Changes}
	case p.ParkAll != "":
		result = Park(p.ParkAll, "")
	case in.ahead(m):
		result = Park(fault.DeviceTimeFuture, "%s", m.DeviceTime.Sub(now).Round(time.Second))
	case before != uuid.Nil:
		result = Park(fault.WaitsForParked, "%s", before)
	case !known:
		result = Park(fault.MutationUnknown, "%s", m.Kind)
	case c == evidence:
		result = Park(fault.MutationFailed, "")
	case c == fast:
		result, err = in.applyFast(ctx, tx, mutate, m)
	default:
		result, err = in.apply(ctx, tx, mutate, m)
	}
	if err != nil {
		return change.Verdict{}, err
	}
	v := change.Verdict{
		Seq: m.Seq, ID: m.ID, Outcome: result.Outcome, Code: result.Code, Detail: result.Detail,
		Changes: result.Changes, At: at,
	}
	v.Receipt, v.Key = in.Signer.Sign(change.ReceiptText(p.Org, m, v))
	return v, nil
}

// applyFast runs a mutator without a savepoint; any failure but a transient one ends the attempt.
func (in *Intake[T]) applyFast(
	ctx context.Context, tx T, mutate Mutator[T], m change.Mutation,
) (result Result, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = errFailedFast
		}
	}()
	result, err = mutate(ctx, tx, m)
	switch {
	case err == nil && result.valid():
		return result, nil
	case err != nil && (in.Store.Transient(err) || ctx.Err() != nil):
		return Result{}, err
	}
	return Result{}, errFailedFast
}

// apply runs a mutator so that it can fail alone. The error it returns is one that ends the push.
func (in *Intake[T]) apply(ctx context.Context, tx T, mutate Mutator[T], m change.Mutation) (Result, error) {
	var result Result
	err := tx.Savepoint(ctx, func() (err error) {
		defer func() {
			if v := recover(); v != nil {
				in.Panicked(m, v, debug.Stack())
				err = fault.New(fault.MutationPanicked, "")
			}
		}()
		result, err = mutate(ctx, tx, m)
		if err == nil && !result.valid() {
			err = errNoOutcome
		}
		return err
	})
	if err == nil {
		return result, nil
	}
	if in.Store.Transient(err) || ctx.Err() != nil {
		return Result{}, err
	}
	var f *fault.Error
	if errors.As(err, &f) && f.Code.Kind() != fault.KindInternal && !fault.Retryable(f) {
		return Reject(f.Code, "%s", f.Detail), nil
	}
	if errors.As(err, &f) && f.Code == fault.MutationPanicked {
		return Park(f.Code, ""), nil
	}
	in.Panicked(m, err, nil)
	return Park(fault.MutationFailed, ""), nil
}

// ahead tells whether a mutation speaks of a time that is still to come.
func (in *Intake[T]) ahead(m change.Mutation) bool { return m.Done().Sub(in.Now()) > in.MaxAhead }

// Replay runs a parked mutation again within tx, alone as ever: a failure undoes it and is the result. One that speaks
// of a time to come waits until that time, or until the office has decided when it was done.
func (in *Intake[T]) Replay(ctx context.Context, tx T, m change.Mutation) (Result, error) {
	mutate, known := in.Mutators[m.Kind]
	if !known {
		return Park(fault.MutationUnknown, "%s", m.Kind), nil
	}
	if in.ahead(m) {
		return Park(fault.DeviceTimeFuture, "%s", m.Done().Sub(in.Now()).Round(time.Second)), nil
	}
	return in.apply(ctx, tx, mutate, m)
}
