package idjson

import (
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"

	accountv1 "github.com/doorstep-dev/doorstep/proto/doorstep/account/v1"
	officev1 "github.com/doorstep-dev/doorstep/proto/doorstep/office/v1"
	payv1 "github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1"
)

func TestAFieldThatAMessageDoesNotHaveIsRefusedByPath(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		into proto.Message
		path string
		near string
	}{
		{`{"ticketId": "AAAA"}`, &officev1.AutoAssignRequest{}, "ticketId", ""},
		{
			`{"user": {"technician": {"badge": "7", "teamIDs": [], "skils": ["x"]}}}`, &accountv1.PutUserRequest{},
			"user.technician.skils", "skills",
		},
		{
			`{"user": {"grants": [{"role": "admin"}, {"rolle": "admin"}]}}`, &accountv1.PutUserRequest{}, "user.grants[1].rolle",
			"role",
		},
		{`{"plan": {"effectiveTo": "2027-01-01"}}`, &payv1.PublishPlanRequest{}, "plan.effectiveTo", ""},
		{`{"<script>\u0000": 1}`, &accountv1.PutUserRequest{}, "?script??", ""},
	} {
		err := Strict([]byte(c.text), c.into)
		var unknown *UnknownFieldError
		if !errors.As(err, &unknown) || unknown.Path != c.path || unknown.Near != c.near {
			t.Errorf("%s: %v, want %s near %q", c.text, err, c.path, c.near)
		}
	}
	for _, good := range []string{
		`{}`, `{"user": {"technician": {"day_start_minute": 480, "dayEndMinute": 900}}}`, `{"user": null}`,
	} {
		if err := Strict([]byte(good), &accountv1.PutUserRequest{}); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	// What is wrong otherwise keeps what protojson says of it.
	for _, bad := range []string{`{`, `[]`, `{"user": 7}`, `{"user": {}, "user": {}}`, `{"password": "x"} {}`} {
		var unknown *UnknownFieldError
		if err := Strict([]byte(bad), &accountv1.PutUserRequest{}); err == nil || errors.As(err, &unknown) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
