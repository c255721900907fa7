package booking_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/doorstep-dev/doorstep/internal/codetest"
	trackv1 "github.com/doorstep-dev/doorstep/proto/doorstep/track/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/track/v1/trackv1connect"
	typesv1 "github.com/doorstep-dev/doorstep/proto/doorstep/types/v1"
	"github.com/doorstep-dev/doorstep/server/booking"
	"github.com/doorstep-dev/doorstep/server/code/token"
)

func TestAnAppBooksAndFollowsOverConnect(t *testing.T) {
	t.Parallel()
	w := codetest.New(t)
	_, handler := trackv1connect.NewTrackServiceHandler(booking.Track{Desk: w.Booking, PublicURL: w.PublicURL})
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	client := trackv1connect.NewTrackServiceClient(http.DefaultClient, s.URL)
	_, entry := w.IssueCode(token.Entry, w.Shop, 0)
	request := uuid.New()
	ask := &trackv1.BookRequest{
		Code: entry, RequestId: request[:], Name: "王芳", Phone: "13800000001", Address: "深圳市南山区",
		Wanted: &typesv1.Window{
			Earliest: timestamppb.New(codetest.Morning.Add(24 * time.Hour)),
			Latest:   timestamppb.New(codetest.Morning.Add(27 * time.Hour)),
		},
	}
	booked, err := client.Book(context.Background(), connect.NewRequest(ask))
	if err != nil {
		t.Fatal(err)
	}
	again, err := client.Book(context.Background(), connect.NewRequest(ask))
	if err != nil || again.Msg.Number != booked.Msg.Number {
		t.Fatalf("%v %v", again, err)
	}
	progress, err := client.GetProgress(context.Background(),
		connect.NewRequest(&trackv1.GetProgressRequest{Code: booked.Msg.ProgressUrl}))
	if err != nil || progress.Msg.Number != booked.Msg.Number || len(progress.Msg.Stages) != 1 || progress.Msg.State == 0 {
		t.Fatalf("%v %v", progress, err)
	}
	if _, err := client.GetProgress(context.Background(),
		connect.NewRequest(&trackv1.GetProgressRequest{Code: entry})); err == nil {
		t.Fatal("an entry has no progress")
	}
}
