package field_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"

	"github.com/doorstep-dev/doorstep/clientgen/golang/field"
	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	accountv1 "github.com/doorstep-dev/doorstep/proto/doorstep/account/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/account/v1/accountv1connect"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

type app struct {
	store  *offline.Store
	client *offline.Client
}

func open(ctx context.Context, folder string) (*app, error) {
	store, err := offline.Open(ctx, offline.Options{
		Dir:       folder,
		Now:       time.Now,
		Effects:   field.Effects(field.ByHand{}),
		FeedOrder: field.FeedOrder,
		Keys:      field.ReceiptKeys,
	})
	if err != nil {
		return nil, err
	}
	client := &offline.Client{Store: store, AppVersion: "1.0.0", DeviceName: "my first app"}
	client.Uploads = field.Uploads{Client: client}
	return &app{store: store, client: client}, nil
}

func (a *app) enrol(ctx context.Context, server, code string) error {
	if _, err := a.client.Enrol(ctx, server, code); err != nil {
		return err
	}
	_, err := a.client.Sync(ctx)
	return err
}

type job struct {
	visit         []byte
	number, state string
	photos        int
	unsent        bool
}

func (a *app) jobs(ctx context.Context) (list []job, err error) {
	err = a.store.Read(ctx, func(v *offline.View) error {
		for _, visit := range field.Visits.All(v) {
			list = append(list, job{
				visit:  visit.GetId(),
				number: field.Tickets.Get(v, visit.GetTicketId()).GetNumber(),
				state:  visit.GetState().String(),
				photos: len(field.ProofsByVisitID(v, visit.GetId())),
				unsent: field.Visits.Pending(v, visit.GetId()),
			})
		}
		return nil
	})
	return list, err
}

func (a *app) accept(ctx context.Context, visit []byte) error {
	_, err := field.VisitAccept.Do(ctx, a.store, &fieldv1.VisitAccept{VisitId: visit})
	return err
}

func (a *app) photograph(ctx context.Context, visit []byte, photo io.Reader) error {
	file, err := a.store.Keep(ctx, photo, "image/jpeg")
	if err != nil {
		return err
	}
	args := &fieldv1.AttachProof{
		Id: file.ID[:], Sha256: file.SHA256, Size: uint64(file.Size), MediaType: file.Media,
		VisitId: visit, Step: "before", Kind: fieldv1.ProofKind_PROOF_KIND_BEFORE,
	}
	_, err = field.AttachProof.Do(ctx, a.store, args, file)
	return err
}

func (a *app) status(ctx context.Context) (string, error) {
	unsent, err := a.store.Unsent(ctx)
	if err != nil {
		return "", err
	}
	attention, err := a.store.Attention(ctx)
	return fmt.Sprintf("%d actions and %d photos to send, %d to look at",
		unsent.Mutations, unsent.Files, len(attention)), err
}

func (a *app) rescue(ctx context.Context, to io.Writer, passphrase string) error {
	_, err := a.store.Export(ctx, to, passphrase)
	return err
}

func reopen(ctx context.Context, o offline.Options) (*offline.Store, error) {
	store, err := offline.Open(ctx, o)
	if offline.CodeOf(err) != fault.StoreDamaged {
		return store, err
	}
	if _, err := offline.SetAside(o); err != nil {
		return nil, err
	}
	return offline.Open(ctx, o)
}

// What docs/CLIENTS.md shows in Go is this app.
func TestEveryBlockOfGoInTheTutorialStandsInTheApp(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/CLIENTS.md")
	if err != nil {
		t.Fatal(err)
	}
	app, err := os.ReadFile("tutorial_test.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllSubmatch(page, -1)
	if len(blocks) < 6 {
		t.Errorf("%d blocks", len(blocks))
	}
	for _, b := range blocks {
		if !strings.Contains(string(app), string(b[1])) {
			t.Errorf("not in the app:\n%s", b[1])
		}
	}
}

// letIn enrols whoever comes, and has no other call.
type letIn struct {
	accountv1connect.UnimplementedAuthServiceHandler
}

func (letIn) EnrolDevice(
	context.Context, *connect.Request[accountv1.EnrolDeviceRequest],
) (*connect.Response[accountv1.EnrolDeviceResponse], error) {
	return connect.NewResponse(&accountv1.EnrolDeviceResponse{
		OrgId: id(7), UserId: id(8), DeviceId: id(9), Tokens: &accountv1.Tokens{Access: "a", Refresh: "r"},
	}), nil
}

// The app keeps what is done without a network, also over a restart, and says so.
func TestTheAppOfTheTutorialKeepsWhatIsDoneWithoutANetwork(t *testing.T) {
	t.Parallel()
	ctx, folder := t.Context(), filepath.Join(t.TempDir(), "phone")
	a, err := open(ctx, folder)
	if err != nil {
		t.Fatal(err)
	}
	_, handler := accountv1connect.NewAuthServiceHandler(letIn{})
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	if err := a.enrol(ctx, server.URL, "CODE"); err == nil {
		t.Error("there is nothing to pull, and the round ended well")
	}
	var photo bytes.Buffer
	if err := jpeg.Encode(&photo, image.NewGray(image.Rect(0, 0, 64, 64)), nil); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(a.accept(ctx, visitID), a.photograph(ctx, visitID, &photo), a.store.Close()); err != nil {
		t.Fatal(err)
	}
	store, err := reopen(ctx, a.store.Options)
	if err != nil {
		t.Fatal(err)
	}
	a.store = store
	t.Cleanup(func() { _ = store.Close() })
	if said, err := a.status(ctx); err != nil || said != "2 actions and 1 photos to send, 0 to look at" {
		t.Errorf("%q, %v", said, err)
	}
	if list, err := a.jobs(ctx); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
	if err := a.rescue(ctx, io.Discard, "twelve characters and more"); err != nil {
		t.Error(err)
	}
}
