// Command courier is another trade on Doorstep's engine: parcels that are handed over at a door. It has an entity, a
// mutation and an error code of its own, and a client in the terminal that works offline.
package main

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"time"

	"connectrpc.com/connect"
	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/clientgen/golang/offline"
	accountv1 "github.com/doorstep-dev/doorstep/proto/doorstep/account/v1"
	"github.com/doorstep-dev/doorstep/proto/doorstep/account/v1/accountv1connect"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/intake"
	"github.com/doorstep-dev/doorstep/sync/synctest"
)

// parcelKind is the kind of the entity, by this program's own numbers.
const parcelKind = 7001

// handOver is the kind of the mutation.
const handOver = "parcel.hand_over"

type parcel struct {
	Address string
	Done    bool
}

type handOverArgs struct{ Parcel uuid.UUID }

// AlreadyHandedOver is an error code of this program.
const AlreadyHandedOver fault.Code = "courier_already_handed_over"

var _ = fault.Register(fault.Definition{
	Code: AlreadyHandedOver, Kind: fault.KindConflict,
	English: "Somebody has handed this parcel over already.", Chinese: "该包裹已由他人送达。",
})

var _ = fault.Translate(map[string]string{"parcel for %s": "送往 %s 的包裹"})

// depot is the server's side: parcels, on a store in memory.
type depot struct {
	store   *synctest.Memory
	parcels map[uuid.UUID]parcel
	feed    change.FeedID
}

func (d *depot) place(tx *synctest.MemoryTx, id uuid.UUID) error {
	body, err := json.Marshal(d.parcels[id])
	if err != nil {
		return err
	}
	d.store.Place(tx, change.Entity{Kind: parcelKind, ID: id}, feed.Placement{Feed: d.feed, Body: body})
	return nil
}

func (d *depot) handOver(_ context.Context, tx *synctest.MemoryTx, m change.Mutation) (intake.Result, error) {
	var args handOverArgs
	if json.Unmarshal(m.Args, &args) != nil {
		return intake.Park(fault.MutationMalformed, ""), nil
	}
	p := d.parcels[args.Parcel]
	if p.Done {
		return intake.Reject(AlreadyHandedOver, "parcel for %s", p.Address), nil
	}
	p.Done = true
	d.parcels[args.Parcel] = p
	return intake.Done(), d.place(tx, args.Parcel)
}

// effect shows a parcel as handed over before the server has answered.
func effect(v *offline.View, m offline.Mutation) []offline.Change {
	var args handOverArgs
	if json.Unmarshal(m.Args, &args) != nil {
		return nil
	}
	e := offline.Entity{Kind: parcelKind, ID: args.Parcel}
	body, ok := v.Get(e)
	if !ok {
		return nil
	}
	var p parcel
	if json.Unmarshal(body, &p) != nil {
		return nil
	}
	p.Done = true
	if body, ok = marshal(p); !ok {
		return nil
	}
	return []offline.Change{{Entity: e, Body: body}}
}

func marshal(v any) ([]byte, bool) {
	b, err := json.Marshal(v)
	return b, err == nil
}

// signIn lets the one courier in, whatever the code.
type signIn struct {
	accountv1connect.UnimplementedAuthServiceHandler
	user   change.User
	device change.Device
}

func (s signIn) EnrolDevice(
	context.Context, *connect.Request[accountv1.EnrolDeviceRequest],
) (*connect.Response[accountv1.EnrolDeviceResponse], error) {
	org := uuid.New()
	return connect.NewResponse(&accountv1.EnrolDeviceResponse{
		OrgId: org[:], UserId: s.user[:], DeviceId: s.device[:], Tokens: &accountv1.Tokens{Access: "a", Refresh: "r"},
	}), nil
}

func main() {
	if err := run(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dir string) error {
	org, courier, device := change.Org(uuid.New()), change.User(uuid.New()), change.Device(uuid.New())
	d := &depot{
		store: synctest.NewMemory(time.Now), parcels: map[uuid.UUID]parcel{},
		feed: change.FeedID{Kind: "courier", Key: uuid.UUID(courier)},
	}
	id := uuid.New()
	err := d.store.Transact(ctx, org, func(tx *synctest.MemoryTx) error {
		d.parcels[id] = parcel{Address: "Fisher Lane 3"}
		if err := d.store.Subscribe(ctx, tx, courier, d.feed); err != nil {
			return err
		}
		return d.place(tx, id)
	})
	if err != nil {
		return err
	}
	page, err := feed.Read(ctx, d.store, feed.Request{Org: org, Device: device, User: courier})
	if err != nil {
		return err
	}
	fmt.Printf("the feed holds %s\n", page.Deltas[0].Entries[0].Body)

	// The client: what was fetched is not kept here, so the effect is tried on a view of it.
	phone, err := offline.Open(ctx, offline.Options{
		Dir: dir, Now: time.Now, Effects: map[string]offline.Effect{handOver: effect},
	})
	if err != nil {
		return err
	}
	defer phone.Close()
	_, handler := accountv1connect.NewAuthServiceHandler(signIn{user: courier, device: device})
	desk := httptest.NewServer(handler)
	defer desk.Close()
	client := &offline.Client{Store: phone, AppVersion: "1", DeviceName: "courier"}
	if _, err := client.Enrol(ctx, desk.URL, "CODE"); err != nil {
		return err
	}
	args, _ := marshal(handOverArgs{id})
	done, err := phone.Do(ctx, handOver, args)
	if err != nil {
		return err
	}
	entity := offline.Entity{Kind: parcelKind, ID: id}
	view := offline.ViewOf(offline.Item{Entity: entity, Body: page.Deltas[0].Entries[0].Body})
	view.Apply(effect(view, done)...)
	body, _ := view.Get(entity)
	fmt.Printf("the phone shows %s\n", body)
	unsent, err := phone.Unsent(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("unsent: %d\n", unsent.Mutations)

	// The server takes it in, once: the second parcel.hand_over is refused with this program's own code.
	in := &intake.Intake[*synctest.MemoryTx]{
		Store: d.store, Mutators: map[string]intake.Mutator[*synctest.MemoryTx]{handOver: d.handOver},
		Signer: change.Ed25519Signer{KeyID: "k", Key: ed25519.NewKeyFromSeed(make([]byte, 32))},
		Now:    time.Now, MaxAhead: time.Hour, Panicked: func(change.Mutation, any, []byte) {},
	}
	for n := range uint64(2) {
		m := change.Mutation{Seq: done.Seq + n, ID: uuid.New(), Kind: done.Kind, Args: done.Args, DeviceTime: done.DeviceTime}
		verdicts, err := in.Take(ctx, intake.Push{
			Org: org, Device: device, User: courier, HeldFrom: 1, Mutations: []change.Mutation{m},
		})
		if err != nil {
			return err
		}
		v := verdicts[0]
		if v.Code == "" {
			fmt.Println("applied")
			continue
		}
		said := &fault.Error{Code: v.Code, Detail: v.Detail}
		fmt.Printf("%s\n%s\n%s\n", v.Code, said.Public("en"), said.Public("zh"))
	}
	// The messages of Doorstep's own protos are importable, too.
	fmt.Println(fieldv1.TicketState_TICKET_STATE_NEW)
	return nil
}
