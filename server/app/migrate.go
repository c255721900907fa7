package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/migrations"
	"github.com/doorstep-dev/doorstep/server/job"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Migrate brings the database to this program's schema, as its owner, and makes the login of serverURL if there is
// none; without a serverURL it leaves logins alone. At the end it has checked that all is as a server needs it. Where
// the owner's login lacks a right it changes nothing and says so; see migrations.Problems. Many may run it at once.
func Migrate(ctx context.Context, ownerURL, serverURL string) error {
	lacking, err := migrations.Lacking(ctx, ownerURL, serverURL)
	if err != nil {
		return fault.Wrap(err, fault.ConfigInvalid,
			"the database does not answer, or does not let this login in: check DOORSTEP_OWNER_DATABASE_URL")
	}
	if len(lacking) > 0 {
		return fault.Wrap(lacking, fault.ConfigInvalid, "nothing was changed: %v", lacking)
	}
	if err := migrations.Up(ctx, ownerURL); err != nil {
		return notMigrated(err)
	}
	if err := job.Migrate(ctx, ownerURL); err != nil {
		return notMigrated(err)
	}
	if err := migrations.Grant(ctx, ownerURL); err != nil { // of the tables that the queue has made
		return notMigrated(err)
	}
	if serverURL == "" {
		return connected(ctx, ownerURL, "DOORSTEP_OWNER_DATABASE_URL", func(c *pgx.Conn) error {
			return asFault(migrations.CheckSchema(ctx, c))
		})
	}
	if err := migrations.MakeLogin(ctx, ownerURL, serverURL); err != nil {
		return notMigrated(err)
	}
	return ready(ctx, serverURL, true)
}

func notMigrated(err error) error {
	return fault.Wrap(err, fault.ConfigInvalid, "the database could not be migrated: %v", err)
}

// ready checks that the database lets the server's login in, that this owns nothing, and that tables, roles and rights
// are those of this program. jobs: also those of the job queue.
func ready(ctx context.Context, serverURL string, jobs bool) error {
	return connected(ctx, serverURL, "DOORSTEP_DATABASE_URL", func(c *pgx.Conn) error {
		if !jobs {
			return asFault(migrations.Check(ctx, c))
		}
		var queue bool
		if err := c.QueryRow(ctx, "SELECT to_regclass('public.river_job') IS NOT NULL").Scan(&queue); err != nil {
			return fault.Wrap(err, fault.Unavailable, "")
		}
		if !queue {
			return fault.New(fault.ConfigInvalid, "the database lacks the tables of the job queue: run doorstep migrate")
		}
		return asFault(migrations.Check(ctx, c))
	})
}

// asFault tells a person what is wrong with the database.
func asFault(err error) error {
	if problems, ok := migrations.AsProblems(err); ok {
		return fault.Wrap(err, fault.ConfigInvalid, "%v", problems)
	}
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "")
	}
	return nil
}

func connected(ctx context.Context, url, variable string, do func(*pgx.Conn) error) error {
	c, err := pgx.Connect(ctx, url)
	if err != nil {
		return fault.Wrap(err, fault.ConfigInvalid, "%s",
			fmt.Sprintf("the database does not answer, or does not let this login in: check %s. A login that is not there yet "+
				"is made by doorstep migrate", variable))
	}
	return errors.Join(do(c), c.Close(context.WithoutCancel(ctx)))
}
