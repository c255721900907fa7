package app_test

import (
	"strings"
	"testing"
	"time"

	accountv1 "github.com/doorstep-dev/doorstep/proto/doorstep/account/v1"
	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

func TestMembershipDecidesWhatAPhoneFollows(t *testing.T) {
	t.Parallel()
	c := open(t)
	feeds := func(user account.User) map[string]bool {
		out := map[string]bool{}
		rows, err := c.db.Owner.Query(t.Context(), `SELECT feed FROM sync_subscription WHERE user_id = $1`, user.ID)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var f string
			if err := rows.Scan(&f); err != nil {
				t.Fatal(err)
			}
			out[strings.Split(f, ":")[0]] = true
		}
		return out
	}
	if f := feeds(c.tech); len(f) != 3 || !f["org"] || !f["team"] || !f["tech"] {
		t.Errorf("technician follows %v", f)
	}
	if f := feeds(c.clerk); len(f) != 2 || !f["org"] || !f["store"] {
		t.Errorf("clerk follows %v", f)
	}
	c.tech.Technician.Teams = nil
	c.within(t, func(tx *postgres.Tx) error {
		_, err := c.Rooms.Account.PutUser(t.Context(), tx, c.tech, "")
		return err
	})
	if f := feeds(c.tech); len(f) != 2 || f["team"] {
		t.Errorf("after leaving the team: %v", f)
	}
	c.tech.Disabled = true
	c.within(t, func(tx *postgres.Tx) error {
		_, err := c.Rooms.Account.PutUser(t.Context(), tx, c.tech, "")
		return err
	})
	if f := feeds(c.tech); len(f) != 0 {
		t.Errorf("after leaving the company: %v", f)
	}
}

func TestRightsAreKnownForTheTimeAtWhichSomethingWasDone(t *testing.T) {
	t.Parallel()
	c := open(t)
	r := c.Rooms.Account
	began := c.clock.Now()
	c.clock.Advance(24 * time.Hour)
	c.clerk.Grants[0] = identity.Grant{Role: identity.Dispatcher, Scope: identity.ScopeTeam, ID: c.team.ID}
	c.tech.Technician.Teams = nil
	c.within(t, func(tx *postgres.Tx) error {
		if _, err := r.PutUser(t.Context(), tx, c.tech, ""); err != nil {
			return err
		}
		_, err := r.PutUser(t.Context(), tx, c.clerk, "")
		return err
	})
	c.within(t, func(tx *postgres.Tx) error {
		for _, w := range []struct {
			what  string
			after time.Duration
			want  bool
		}{
			{"a little before, by a clock that is behind", -time.Minute, true},
			{"meanwhile", time.Hour, true},
			{"long before", -time.Hour, false},
			{"after it ended", 25 * time.Hour, false},
		} {
			shop, err := r.Held(t.Context(), tx, c.clerk.ID, identity.Clerk, c.shop.ID, began.Add(w.after))
			if err != nil {
				return err
			}
			team, err := r.MemberAt(t.Context(), tx, c.tech.ID, c.team.ID, began.Add(w.after))
			if err != nil {
				return err
			}
			if shop != w.want || team != w.want {
				t.Errorf("%s: shop %v, team %v", w.what, shop, team)
			}
		}
		return nil
	})
}

func TestSigningInTellsNothingToWhoGuesses(t *testing.T) {
	t.Parallel()
	c := open(t)
	for name, req := range map[string]*accountv1.LogInRequest{
		"wrong password":   {Org: "demo", Login: "boss", Password: "wrong password"},
		"unknown login":    {Org: "demo", Login: "nobody", Password: password},
		"unknown company":  {Org: "nothing", Login: "boss", Password: password},
		"another's login ": {Org: "demo", Login: "boss'--", Password: password},
	} {
		_, err := c.auth().LogIn(t.Context(), with(req, ""))
		want(t, name, err, account.LoginFailed)
	}
	me, err := c.accounts().GetMe(t.Context(), with(&accountv1.GetMeRequest{}, c.console(t, " BOSS ")))
	if err != nil || me.Msg.GetUser().GetLogin() != "boss" || me.Msg.GetCurrency() != "CNY" {
		t.Error(me, err)
	}
	c.admin.Disabled = true
	err = c.Rooms.Store.Transact(t.Context(), change.Org(c.org.ID), func(tx *postgres.Tx) error {
		_, err := c.Rooms.Account.PutUser(t.Context(), tx, c.admin, "")
		return err
	})
	if fault.CodeOf(err) != fault.Conflict {
		t.Errorf("the last administrator could be disabled: %v", err)
	}
}
