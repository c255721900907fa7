package load

import (
	"context"
	"net/http"
	"strings"

	"connectrpc.com/connect"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	accountv1 "github.com/doorstep-dev/doorstep/proto/doorstep/account/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/account/v1/accountv1connect"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// Prefix is how the short name of a company that is there for load begins. That is the whole mark: whoever names
// a company so says that nothing in it is dear to anybody.
const Prefix = "load-"

// Marked tells whether a company is there for load.
func Marked(slug string) bool { return strings.HasPrefix(slug, Prefix) }

// NotMarked is the refusal to put load on a company that works.
func NotMarked(slug string) error {
	return fault.New(fault.InvalidArgument,
		"%s is not marked for load: the short name of such a company begins with %s; --force takes it all the same",
		slug, Prefix)
}

// Check asks the server whose phones these are and refuses a company that is not marked for load. What the file
// says of itself is not believed. The tokens may have been renewed on the way: the login as it is now comes back.
func Check(ctx context.Context, url string, l Login) (Login, error) {
	h := &http.Client{Transport: (&run{config: Config{URL: url}, tally: newTally()}).transport().Transport}
	defer h.CloseIdleConnections()
	t := &tokens{login: l, url: url, http: h}
	res, err := accountv1connect.NewAccountServiceClient(h, url, connect.WithInterceptors(t)).GetMe(ctx,
		connect.NewRequest(&accountv1.GetMeRequest{}))
	if err != nil {
		return t.held(), offline.Refused(ctx, err)
	}
	if slug := res.Msg.GetOrgSlug(); !Marked(slug) {
		return t.held(), NotMarked(slug)
	}
	return t.held(), nil
}
