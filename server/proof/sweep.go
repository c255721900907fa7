package proof

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/google/uuid"
	"github.com/minio/minio-go/v7"

	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// The ages at which a sweep acts.
const (
	// unfinished is when the sweep finishes itself what a phone has sent and not finished.
	unfinished = 15 * time.Minute
	// overdue is when bytes that do not come are reported.
	overdue = 48 * time.Hour
	// stale is when the parts of an upload that does not go on are thrown away; the phone begins anew.
	stale = 7 * 24 * time.Hour
	// orphaned is when an object without a row is removed. Long: after a restore of the database the rows of the
	// last days may be the ones that are missing.
	orphaned = 30 * 24 * time.Hour
)

// Report is what a sweep found in one org.
type Report struct {
	// Finished are proofs whose bytes were all here and that the sweep verified or refused.
	Finished int
	// Overdue are proofs whose bytes have not come for two days, the ones known before included.
	Overdue int
	// Aborted are uploads in parts that were given up.
	Aborted int
	// Orphans are objects without a row; Removed counts those of them that were old enough to remove.
	Orphans, Removed int
	// Discarded are objects of attempts that have ended, which were still there.
	Discarded int
	// Lost are proofs whose original is gone from the store.
	Lost int
}

// Sweep compares rows and objects of one org and puts right what can be. It may run at any time, also twice at
// once, and goes on after a failure with what it can; the error joins what failed.
func (r *Proofs) Sweep(ctx context.Context, org change.Org) (Report, error) {
	var report Report
	err := errors.Join(
		r.sweepOpen(ctx, org, &report),
		r.sweepUploads(ctx, org, &report),
		r.sweepObjects(ctx, org, &report),
	)
	if report != (Report{}) || err != nil {
		r.Log.InfoContext(ctx, "swept proofs", "org", org.String(), "finished", report.Finished, "overdue", report.Overdue,
			"aborted", report.Aborted, "orphans", report.Orphans, "removed", report.Removed,
			"discarded", report.Discarded, "lost", report.Lost, "error", err)
	}
	return report, err
}

// page is how many rows a sweep reads at once.
const page = 200

// sweepOpen finishes what has arrived, and reports what has not.
func (r *Proofs) sweepOpen(ctx context.Context, org change.Org, report *Report) error {
	now := r.Store.Now()
	var failed []error
	for after := uuid.Nil; ; {
		var open []*row
		err := r.Store.Read(ctx, org, func(tx *postgres.Tx) (err error) {
			open, err = collect(ctx, tx, `SELECT `+columns+` WHERE p.org_id = $1 AND p.state IN (1, 2) AND p.server_time < $2
				AND p.id > $3
				ORDER BY p.id LIMIT $4`, tx.OrgID(), now.Add(-unfinished), after, page)
			return err
		})
		if err != nil {
			return err
		}
		for _, p := range open {
			switch done, err := r.finish(ctx, uuid.UUID(org), p); {
			case err == nil && done.settled():
				report.Finished++
			case fault.CodeOf(err) == StoreDown || ctx.Err() != nil:
				return errors.Join(append(failed, err)...)
			case fault.CodeOf(err) == BytesMissing || fault.CodeOf(err) == SizeDiffers || fault.CodeOf(err) == HashDiffers:
				late, err := r.reportLate(ctx, org, p.ID, now)
				if late {
					report.Overdue++
				}
				failed = append(failed, err)
			default:
				failed = append(failed, err)
			}
		}
		if len(open) < page {
			return errors.Join(failed...)
		}
		after = open[len(open)-1].ID
	}
}

func (r *Proofs) reportLate(ctx context.Context, org change.Org, id uuid.UUID, now time.Time) (late bool, err error) {
	err = r.Store.Transact(ctx, org, func(tx *postgres.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE proof SET overdue_at = coalesce(overdue_at, $3)
			WHERE org_id = $1 AND id = $2 AND server_time < $4`,
			tx.OrgID(), id, now, now.Add(-overdue))
		late = tag.RowsAffected() > 0
		return err
	})
	return late, err
}

// sweepUploads gives up uploads in parts that have not moved for long, and those that no row knows.
func (r *Proofs) sweepUploads(ctx context.Context, org change.Org, report *Report) error {
	limit := r.Store.Now().Add(-stale)
	for upload := range r.Objects.inside.ListIncompleteUploads(ctx, r.Objects.bucket, folder(uuid.UUID(org)), true) {
		if upload.Err != nil {
			if err := away(upload.Err); !errors.Is(err, errAbsent) {
				return err
			}
			return nil
		}
		if upload.Initiated.After(limit) {
			continue
		}
		id, _, ok := parse(uuid.UUID(org), upload.Key)
		if !ok {
			continue
		}
		if err := r.Objects.abortParts(ctx, upload.Key, upload.UploadID); err != nil {
			return err
		}
		report.Aborted++
		err := r.Store.Transact(ctx, org, func(tx *postgres.Tx) error {
			_, err := tx.Exec(ctx, `UPDATE proof SET upload_id = ''
				WHERE org_id = $1 AND id = $2 AND upload_id = $3`, tx.OrgID(), id, upload.UploadID)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// sweepObjects walks rows and objects side by side, both ordered by the proof's id.
func (r *Proofs) sweepObjects(ctx context.Context, org change.Org, report *Report) error {
	// Both sides move meanwhile; that can make a young object look like an orphan, which only old ones are removed for.
	ctx, cancel := context.WithCancel(ctx) // ends the listing
	defer cancel()
	next, stop := iter.Pull2(r.keptRows(ctx, org))
	defer stop()
	p, err, more := next()
	if err != nil {
		return err
	}
	seen := false // whether the original of p is there
	pass := func() error {
		if !seen && p.settledOrReceived() {
			// The listing may be older than the row: ask once more.
			_, there := r.Objects.stat(ctx, p.original(uuid.UUID(org)))
			switch {
			case errors.Is(there, errAbsent):
				if err := r.reportLost(ctx, org, p); err != nil {
					return err
				}
				report.Lost++
			case there != nil:
				return there
			}
		}
		p, err, more = next()
		seen = false
		return err
	}
	objects := r.Objects.inside.Client.ListObjects(ctx, r.Objects.bucket,
		minio.ListObjectsOptions{Prefix: folder(uuid.UUID(org)), Recursive: true})
	for object := range objects {
		if object.Err != nil {
			return away(object.Err)
		}
		id, name, ok := parse(uuid.UUID(org), object.Key)
		if !ok {
			continue // not ours
		}
		for more && p.ID.String() < id.String() {
			if err := pass(); err != nil {
				return err
			}
		}
		if more && p.ID == id {
			seen = seen || name == p.originalName()
			if p.givenUp(name) {
				if err := r.Objects.remove(ctx, object.Key); err != nil {
					return err
				}
				report.Discarded++
			}
			continue
		}
		report.Orphans++
		if object.LastModified.Before(r.Store.Now().Add(-orphaned)) {
			if err := r.Objects.remove(ctx, object.Key); err != nil {
				return err
			}
			report.Removed++
		}
	}
	for more {
		if err := pass(); err != nil {
			return err
		}
	}
	return nil
}

// settledOrReceived tells that the store should hold the original.
func (p *row) settledOrReceived() bool {
	return p.State == verified || p.State == received || p.State == refused &&
		p.Refusal != string(SizeDiffers) && p.Refusal != string(HashDiffers)
}

// keptRows yields all photos' rows of the org by id, page by page.
func (r *Proofs) keptRows(ctx context.Context, org change.Org) iter.Seq2[*row, error] {
	return func(yield func(*row, error) bool) {
		for after := uuid.Nil; ; {
			var rows []*row
			err := r.Store.Read(ctx, org, func(tx *postgres.Tx) (err error) {
				rows, err = collect(ctx, tx, `SELECT `+columns+` WHERE p.org_id = $1 AND p.kind <> 4 AND p.id > $2 ORDER BY p.id
					LIMIT $3`,
					tx.OrgID(), after, page)
				return err
			})
			if err != nil {
				yield(nil, fmt.Errorf("proof: read rows: %w", err))
				return
			}
			for _, p := range rows {
				if !yield(p, nil) {
					return
				}
			}
			if len(rows) < page {
				return
			}
			after = rows[len(rows)-1].ID
		}
	}
}

// reportLost writes once into a proof's custody that its bytes are gone from the store.
func (r *Proofs) reportLost(ctx context.Context, org change.Org, p *row) error {
	return r.Store.Transact(ctx, org, func(tx *postgres.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE proof SET lost_at = $3
			WHERE org_id = $1 AND id = $2 AND lost_at IS NULL`, tx.OrgID(), p.ID, tx.Now())
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		r.Log.ErrorContext(ctx, "the bytes of a proof are gone from the store", "org", org.String(), "proof", p.ID)
		return custody{proof: p.ID, event: "lost", actor: actorSweep}.write(ctx, tx)
	})
}
