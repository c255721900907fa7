package postgres

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/watch"
)

// Report notes what a device said of itself while pulling.
func (s *Store) Report(ctx context.Context, org change.Org, d change.Device, unsent uint32) error {
	return s.Transact(ctx, org, func(tx *Tx) error {
		_, err := tx.Exec(ctx, `
			INSERT INTO sync_device (org_id, device_id, generation, unsent, seen_at)
			SELECT $1, $2, `+firstGeneration+`, $3, $4 FROM sync_generation
			ON CONFLICT (org_id, device_id) DO UPDATE SET unsent = excluded.unsent, seen_at = excluded.seen_at`,
			tx.org, d, int64(unsent), tx.now)
		return err
	})
}

// Unsent are the devices that said, at their last contact since a time, that they hold mutations without a verdict.
func (t *Tx) Unsent(ctx context.Context, since time.Time) ([]uuid.UUID, error) {
	rows, err := t.Query(ctx, `SELECT device_id FROM sync_device
		WHERE org_id = $1 AND unsent > 0 AND seen_at > $2`, t.org, since)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

// Subscribe sets the feeds that a user follows, in the transaction that changes the user's rights. What the
// user followed and is not named is dropped from the user's devices at their next pull.
func (t *Tx) Subscribe(ctx context.Context, user change.User, feeds ...change.FeedID) error {
	names := make([]string, len(feeds))
	for i, f := range feeds {
		names[i] = f.String()
	}
	// The row of the user's rights orders the changes of what a user follows.
	if err := t.lockRights(ctx, []uuid.UUID{uuid.UUID(user)}); err != nil {
		return err
	}
	if _, err := t.Exec(ctx, `DELETE FROM sync_subscription WHERE org_id = $1 AND user_id = $2 AND feed <> ALL ($3)`,
		t.org, user, names); err != nil {
		return err
	}
	_, err := t.Exec(ctx, `INSERT INTO sync_subscription (org_id, user_id, feed)
		SELECT $1, $2, f FROM unnest($3::text[]) AS f ON CONFLICT DO NOTHING`, t.org, user, names)
	t.Poke(SubscriptionTopic(user))
	return err
}

// SubscriptionTopic becomes dirty when the feeds that a user follows change, or what the user's devices may do.
func SubscriptionTopic(user change.User) string { return rightsOf(user).String() }

// rightsOf is the topic as if it were a feed: the hub compares versions of rights as it does heads.
func rightsOf(user change.User) change.FeedID {
	return change.FeedID{Kind: rightsKind, Key: uuid.UUID(user)}
}

// LearnRights notes the version of the rights that a watch has just looked at.
func LearnRights(sub *watch.Subscription, org change.Org, user change.User, version change.Seq) {
	sub.Learn(org, rightsOf(user), version)
}

const rightsKind = "user"

// users are those whose subscription topics are among the names, in one order for all who lock them.
func users(names []string) (out []uuid.UUID) {
	for _, name := range names {
		if f, err := change.ParseFeedID(name); err == nil && f.Kind == rightsKind {
			out = append(out, f.Key)
		}
	}
	slices.SortFunc(out, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(out)
}

// lockRights locks the rows of users' rights, in order, and makes those that are not there.
func (t *Tx) lockRights(ctx context.Context, users []uuid.UUID) error {
	batch := &pgx.Batch{}
	batch.Queue(`INSERT INTO sync_rights (org_id, user_id, version) SELECT $1, u, 1 FROM unnest($2::uuid[]) AS u ORDER BY u
		ON CONFLICT DO NOTHING`,
		t.org, users)
	batch.Queue(`SELECT FROM sync_rights WHERE org_id = $1 AND user_id = ANY ($2::uuid[]) ORDER BY user_id
		FOR UPDATE`, t.org, users)
	return t.SendBatch(ctx, batch).Close()
}

// countRights counts up the versions of the rights that the transaction told of. The sweep compares them, so that a
// poke that was lost, as when a replica dies after the commit, is made up for.
func (t *Tx) countRights(ctx context.Context) error {
	changed := users(t.topics)
	if len(changed) == 0 {
		return nil
	}
	_, err := t.Exec(ctx, `
		INSERT INTO sync_rights AS r (org_id, user_id, version) SELECT $1, u, 1 FROM unnest($2::uuid[]) AS u ORDER BY u
		ON CONFLICT (org_id, user_id) DO UPDATE SET version = r.version + 1`, t.org, changed)
	return err
}
