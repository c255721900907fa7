package app_test

import (
	"testing"

	"github.com/google/uuid"

	accountv1 "github.com/doorstep-dev/doorstep/proto/doorstep/account/v1"
	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

func TestAnEnrolmentCodeEndsWhenTheRightsChangeThatItWasGivenFor(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*account.User)
		want   fault.Code
	}{
		"another name": {func(u *account.User) { u.NameZH = "新店员" }, ""},
		"a right more": {func(u *account.User) {
			u.Grants = append(u.Grants, identity.Grant{Role: identity.Admin, Scope: identity.ScopeOrg})
		}, fault.EnrolmentInvalid},
		"another right": {func(u *account.User) {
			u.Grants = []identity.Grant{{Role: identity.Finance, Scope: identity.ScopeOrg}}
		}, fault.EnrolmentInvalid},
		"disabled for a while": {func(u *account.User) { u.Disabled = true }, fault.EnrolmentInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := openTwo(t)
			_, dispatcher := w.holding(t, "orgdisp", over(identity.Dispatcher, identity.ScopeOrg, uuid.Nil))
			code, err := w.accounts().CreateEnrolmentCode(t.Context(),
				with(&accountv1.CreateEnrolmentCodeRequest{UserId: w.clerk.ID[:]}, dispatcher))
			must(t, err)
			w.within(t, func(tx *postgres.Tx) error {
				u := w.clerk
				tc.change(&u)
				if _, err := w.Rooms.Account.PutUser(t.Context(), tx, u, ""); err != nil {
					return err
				}
				if u.Disabled { // and enabled again
					u.Disabled = false
					_, err = w.Rooms.Account.PutUser(t.Context(), tx, u, "")
				}
				return err
			})
			_, err = w.auth().EnrolDevice(t.Context(),
				with(&accountv1.EnrolDeviceRequest{Code: code.Msg.GetCode(), DeviceName: "phone"}, ""))
			want(t, "enrolled", err, tc.want)
		})
	}
}

func TestANewPasswordEndsTheSessionsOfTheOldOneAndNoPhone(t *testing.T) {
	t.Parallel()
	w := openTwo(t)
	u, token := w.holding(t, "victim", over(identity.Dispatcher, identity.ScopeOrg, uuid.Nil))
	phone := w.phone(t, u).GetTokens().GetAccess()
	w.within(t, func(tx *postgres.Tx) error {
		_, err := w.Rooms.Account.PutUser(t.Context(), tx, u, "another horse battery")
		return err
	})
	_, err := w.accounts().GetMe(t.Context(), with(&accountv1.GetMeRequest{}, token))
	want(t, "the session of before", err, fault.RefreshInvalid)
	_, err = w.accounts().GetMe(t.Context(), with(&accountv1.GetMeRequest{}, phone))
	want(t, "the phone", err, "")
}

func TestACompanysNameWrittenOtherwiseGivesNoFreshGuesses(t *testing.T) {
	t.Parallel()
	c := open(t, generous)
	guesses := 0
	for range 3 {
		for _, slug := range []string{"demo", "Demo", "dEmo", " demo", "demo  "} {
			for _, login := range []string{"boss", "BOSS", " boss"} {
				_, err := c.auth().LogIn(t.Context(),
					with(&accountv1.LogInRequest{Org: slug, Login: login, Password: "wrong wrong wrong"}, ""))
				if codeOf(t, err) == account.LoginFailed {
					guesses++
				}
			}
		}
	}
	if guesses != 10 {
		t.Errorf("%d guesses before the limit", guesses)
	}
}
