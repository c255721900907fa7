package postgres

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/sync/change"
)

// Contact is what a device said of itself when it last called. It explains; nothing is decided by it.
type Contact struct {
	Device change.Device
	// PulledAt is zero when the device only began to watch.
	PulledAt time.Time
	// Held is the cursor that the device sent: it holds at least that. Given is the one that the answer gave. nil: it
	// was not said, and what was known stays.
	Held, Given []byte
	AppVersion  string
	// AheadMS is how far its clock was ahead of the office's, in milliseconds; nil when it did not say.
	AheadMS *int64
	// OldestUnsent is by the device's clock; zero when nothing was unsent.
	OldestUnsent time.Time
}

// SaveContacts writes what devices said of themselves. What was heard of a pull replaces what was known; a watch
// replaces only what the device holds, and a page that a poke carried only what it was given.
func (t *Tx) SaveContacts(ctx context.Context, all []Contact) error {
	all = slices.Clone(all)
	// In one order, as other servers may write the same devices.
	slices.SortFunc(all, func(a, b Contact) int { return slices.Compare(a.Device[:], b.Device[:]) })
	n := len(all)
	devices, held, given := make([]uuid.UUID, n), make([][]byte, n), make([][]byte, n)
	pulled, oldest, versions, ahead := make([]*time.Time, n), make([]*time.Time, n), make([]string, n), make([]*int64, n)
	for i, c := range all {
		devices[i], held[i], given[i] = uuid.UUID(c.Device), c.Held, c.Given
		pulled[i], oldest[i], versions[i], ahead[i] = someTime(c.PulledAt), someTime(c.OldestUnsent), c.AppVersion, c.AheadMS
	}
	// The rows are locked before they are read: what another server has written of them meanwhile is not taken back.
	batch := &pgx.Batch{}
	batch.Queue(`INSERT INTO sync_contact (org_id, device_id) SELECT $1, d FROM unnest($2::uuid[]) AS d ORDER BY d
		ON CONFLICT DO NOTHING`,
		t.org, devices)
	batch.Queue(`SELECT FROM sync_contact WHERE org_id = $1 AND device_id = ANY ($2::uuid[]) ORDER BY device_id
		FOR UPDATE`, t.org, devices)
	batch.Queue(`
		UPDATE sync_contact c SET
			held = coalesce(w.held, c.held),
			pulled_at = coalesce(w.pulled, c.pulled_at),
			given = coalesce(w.given, c.given),
			app_version = CASE WHEN w.version = '' THEN c.app_version ELSE w.version END,
			ahead_ms = coalesce(w.ahead, c.ahead_ms),
			oldest_unsent = CASE WHEN w.pulled IS NULL THEN c.oldest_unsent ELSE w.oldest END
		FROM unnest($2::uuid[], $3::timestamptz[], $4::bytea[], $5::bytea[], $6::text[], $7::bigint[], $8::timestamptz[])
			AS w (device, pulled, held, given, version, ahead, oldest)
		WHERE c.org_id = $1 AND c.device_id = w.device
			AND (w.pulled IS NULL OR c.pulled_at IS NULL OR c.pulled_at <= w.pulled)`,
		t.org, devices, pulled, held, given, versions, ahead, oldest)
	return t.SendBatch(ctx, batch).Close()
}

// Reported is what is known of a device's contacts.
type Reported struct {
	Contact
	// LastSeq is the highest sequence with a verdict, Unsent what the device last reported, SeenAt when it last
	// handed something in or reported another number.
	LastSeq uint64
	Unsent  uint32
	SeenAt  time.Time
	// Parked counts its mutations that wait for a decision.
	Parked int
}

// Reported reads what is known of a device's contacts; all is zero for one that never called.
func (t *Tx) Reported(ctx context.Context, d change.Device) (Reported, error) {
	r := Reported{Contact: Contact{Device: d}}
	var pulled, oldest, seen *time.Time
	err := t.QueryRow(ctx, `
		SELECT c.pulled_at, coalesce(c.held, ''), coalesce(c.given, ''), coalesce(c.app_version, ''), c.ahead_ms,
			c.oldest_unsent,
			coalesce(d.last_seq, 0), coalesce(d.unsent, 0), d.seen_at,
			(SELECT count(*) FROM sync_mutation m JOIN sync_parked p ON p.org_id = m.org_id AND p.mutation_id = m.id
				WHERE m.org_id = $1 AND m.device_id = $2 AND m.outcome = 4 AND NOT m.duplicate AND p.resolution IS NULL)
		FROM (SELECT 1) one
		LEFT JOIN sync_contact c ON c.org_id = $1 AND c.device_id = $2
		LEFT JOIN sync_device d ON d.org_id = $1 AND d.device_id = $2`, t.org, d).
		Scan(&pulled, &r.Held, &r.Given, &r.AppVersion, &r.AheadMS, &oldest, &r.LastSeq, &r.Unsent, &seen, &r.Parked)
	for to, from := range map[*time.Time]*time.Time{&r.PulledAt: pulled, &r.OldestUnsent: oldest, &r.SeenAt: seen} {
		if from != nil {
			*to = *from
		}
	}
	return r, err
}

// Sent is a mutation of a device with its verdict, and what became of it if it was parked: open, replayed or
// dismissed.
type Sent struct {
	Kind       string
	DeviceTime time.Time
	Verdict    change.Verdict
	Parked     string
}

// SentBy returns a device's mutations, newest first, at most limit, those before a sequence; 0 begins with the newest.
func (t *Tx) SentBy(ctx context.Context, d change.Device, before uint64, limit int) ([]Sent, error) {
	if before == 0 {
		before = 1<<63 - 1
	}
	rows, err := t.Query(ctx, `
		SELECT m.seq, m.id, m.kind, m.device_time, m.outcome, m.code, m.detail, m.at, m.receipt, m.key_id,
			CASE WHEN p.mutation_id IS NULL THEN '' ELSE coalesce(p.resolution, 'open') END
		FROM sync_mutation m LEFT JOIN sync_parked p ON p.org_id = m.org_id AND p.mutation_id = m.id
		WHERE m.org_id = $1 AND m.device_id = $2 AND m.seq < $3 ORDER BY m.seq DESC LIMIT $4`, t.org, d, int64(before), limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Sent, error) {
		var s Sent
		v := &s.Verdict
		err := row.Scan(&v.Seq, &v.ID, &s.Kind, &s.DeviceTime, &v.Outcome, &v.Code, &v.Detail, &v.At, &v.Receipt,
			&v.Key, &s.Parked)
		return s, err
	})
}

// Follows returns the feeds that a user follows, in ascending order.
func (t *Tx) Follows(ctx context.Context, user change.User) ([]change.FeedID, error) {
	rows, err := t.Query(ctx, `SELECT feed FROM sync_subscription WHERE org_id = $1 AND user_id = $2
		ORDER BY feed`, t.org, user)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (change.FeedID, error) {
		var name string
		err := row.Scan(&name)
		f, bad := change.ParseFeedID(name)
		return f, errors.Join(err, bad)
	})
}

// FeedAhead is a feed's head, its floor, and how many entries lie after a position.
type FeedAhead struct {
	Head, Floor change.Seq
	After       int64
}

// Ahead tells of feeds how far they are ahead of the given positions, and the database's generation.
func (t *Tx) Ahead(
	ctx context.Context, at map[change.FeedID]change.Seq,
) (map[change.FeedID]FeedAhead, change.Generation, error) {
	var g change.Generation
	var raw []byte
	if err := t.QueryRow(ctx, `SELECT generation FROM sync_generation`).Scan(&raw); err != nil {
		return nil, g, err
	}
	copy(g[:], raw)
	out := make(map[change.FeedID]FeedAhead, len(at))
	feeds, seqs := make([]string, 0, len(at)), make([]int64, 0, len(at))
	for f, s := range at {
		feeds, seqs = append(feeds, f.String()), append(seqs, int64(s))
	}
	rows, err := t.Query(ctx, `
		SELECT w.feed, coalesce(f.seq, 0), coalesce(f.floor, 0),
			(SELECT count(*) FROM sync_entry e WHERE e.org_id = $1 AND e.feed = w.feed AND e.seq > w.seq)
		FROM unnest($2::text[], $3::bigint[]) AS w (feed, seq)
			LEFT JOIN sync_feed f ON f.org_id = $1 AND f.feed = w.feed`, t.org, feeds, seqs)
	if err != nil {
		return nil, g, err
	}
	var name string
	var a FeedAhead
	_, err = pgx.ForEachRow(rows, []any{&name, &a.Head, &a.Floor, &a.After}, func() error {
		f, err := change.ParseFeedID(name)
		out[f] = a
		return err
	})
	return out, g, err
}

// Stood is the newest entry of an entity in one feed.
type Stood struct {
	Feed    change.FeedID
	Kind    change.Kind
	Seq     change.Seq
	Removed bool
	At      time.Time
}

// Stands returns where an entity stands, or stood as far as tombstones are still kept, as any of the kinds.
func (t *Tx) Stands(ctx context.Context, id uuid.UUID, feeds []change.FeedID, kinds ...change.Kind) ([]Stood, error) {
	names, numbers := make([]string, len(feeds)), make([]int32, len(kinds))
	for i, f := range feeds {
		names[i] = f.String()
	}
	for i, k := range kinds {
		numbers[i] = int32(k)
	}
	rows, err := t.Query(ctx, `SELECT feed, kind, seq, removed, at FROM sync_entry
		WHERE org_id = $1 AND feed = ANY ($2) AND kind = ANY ($3) AND entity_id = $4
			ORDER BY feed, kind`, t.org, names, numbers, id)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (Stood, error) {
		var s Stood
		var name string
		err := row.Scan(&name, &s.Kind, &s.Seq, &s.Removed, &s.At)
		f, bad := change.ParseFeedID(name)
		s.Feed = f
		return s, errors.Join(err, bad)
	})
}

func someTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
