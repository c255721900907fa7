package account

import (
	"context"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// OrgFeed is the feed that everybody of an org follows.
func OrgFeed(org uuid.UUID) change.FeedID { return change.FeedID{Kind: "org", Key: org} }

// TeamFeed is the feed of a team's claimable tickets.
func TeamFeed(team uuid.UUID) change.FeedID { return change.FeedID{Kind: "team", Key: team} }

// TechFeed is a technician's own feed.
func TechFeed(user uuid.UUID) change.FeedID { return change.FeedID{Kind: "tech", Key: user} }

// StoreFeed is the feed of a shop.
func StoreFeed(shop uuid.UUID) change.FeedID { return change.FeedID{Kind: "store", Key: shop} }

// follow writes which feeds the user follows by their grants and teams, in the transaction that changed those.
// A disabled user follows nothing.
func (r *Accounts) follow(ctx context.Context, tx *postgres.Tx, user uuid.UUID) error {
	var disabled bool
	if err := tx.QueryRow(ctx, `SELECT disabled FROM app_user
		WHERE org_id = $1 AND id = $2`, tx.OrgID(), user).Scan(&disabled); err != nil {
		return err
	}
	var feeds []change.FeedID
	if !disabled {
		grants, err := grantsOf(ctx, tx, user)
		if err != nil {
			return err
		}
		teams, err := teamsOf(ctx, tx, user)
		if err != nil {
			return err
		}
		feeds = feedsOf(tx.OrgID(), user, grants, teams)
	}
	return tx.Subscribe(ctx, change.User(user), feeds...)
}

// feedsOf is the rule: everybody the org's feed; technicians their own and their teams'; clerks those of the
// shops named in their grants. Wider grants are for the console, which follows no feeds.
func feedsOf(org, user uuid.UUID, grants []identity.Grant, teams []uuid.UUID) []change.FeedID {
	if len(grants) == 0 {
		return nil
	}
	feeds := []change.FeedID{OrgFeed(org)}
	seen := map[change.FeedID]bool{}
	add := func(f change.FeedID) {
		if !seen[f] {
			seen[f] = true
			feeds = append(feeds, f)
		}
	}
	for _, g := range grants {
		switch {
		case g.Role == identity.Technician:
			add(TechFeed(user))
			for _, t := range teams {
				add(TeamFeed(t))
			}
		case g.Role == identity.Clerk && g.Scope == identity.ScopeStore:
			add(StoreFeed(g.ID))
		}
	}
	return feeds
}
