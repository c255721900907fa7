package app

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"connectrpc.com/connect"

	"github.com/doorstep-dev/doorstep/proto/doorstep/field/v1/fieldv1connect"
	"github.com/doorstep-dev/doorstep/proto/doorstep/office/v1/officev1connect"
	"github.com/doorstep-dev/doorstep/proto/doorstep/pay/v1/payv1connect"
	"github.com/doorstep-dev/doorstep/proto/doorstep/store/v1/storev1connect"
	"github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1/syncv1connect"
	"github.com/doorstep-dev/doorstep/proto/doorstep/track/v1/trackv1connect"
	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/booking"
	"github.com/doorstep-dev/doorstep/server/catalogue"
	"github.com/doorstep-dev/doorstep/server/code"
	"github.com/doorstep-dev/doorstep/server/delta"
	"github.com/doorstep-dev/doorstep/server/dispatch"
	"github.com/doorstep-dev/doorstep/server/explain"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/server/order"
	"github.com/doorstep-dev/doorstep/server/pay"
	"github.com/doorstep-dev/doorstep/server/proof"
	"github.com/doorstep-dev/doorstep/server/proof/heic"
	"github.com/doorstep-dev/doorstep/server/proof/media"
	"github.com/doorstep-dev/doorstep/server/rank"
	"github.com/doorstep-dev/doorstep/server/rpc"
	"github.com/doorstep-dev/doorstep/server/ticket"
	"github.com/doorstep-dev/doorstep/server/ticket/state"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/feed"
	"github.com/doorstep-dev/doorstep/sync/intake"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Rooms are the parts of the server, made and connected.
type Rooms struct {
	Store   *postgres.Store
	Account *account.Accounts
	Delta   *delta.Service
	Intake  *intake.Intake[*postgres.Tx]

	Catalogue *catalogue.Catalogue
	Order     *order.Orders
	Ticket    *ticket.Tickets
	Proof     *proof.Proofs
	Code      *code.Codes
	Booking   *booking.Bookings
	Pay       *pay.Earnings
	Rank      *rank.Boards
	Explain   *explain.Explainer
	Dispatch  *dispatch.Board

	// TicketOffice and PayOffice are what the office calls about tickets and pay.
	TicketOffice *ticket.Service
	PayOffice    *pay.Service

	boards *rank.Keeper
}

// sharedReads is the memory for ranges of feeds that many phones ask for at once.
const sharedReads = 64 << 20

// phoneKey is the purpose of the key under which phone numbers are found. It never changes.
const phoneKey = "customer phone v1"

// rooms makes each room on those that it calls.
func (a *App) rooms(ctx context.Context, poker *postgres.Poker) (Rooms, error) {
	c := a.config
	store := &postgres.Store{Pool: a.pool, Poker: poker, Now: c.Now, Shared: &feed.Shared{MaxBytes: sharedReads}}
	accounts := &account.Accounts{
		Store: store, Secret: c.Secret, Keys: account.NewKeyring(), Now: c.Now,
		Log: c.Log, Argon: c.Argon,
	}
	store.MayRead = accounts.MayRead
	if err := accounts.LoadKeys(ctx); err != nil {
		return Rooms{}, err
	}
	if err := accounts.PublishKeys(ctx); err != nil {
		return Rooms{}, err
	}
	objects, err := proof.OpenObjects(proof.ObjectsConfig(c.Objects))
	if err != nil {
		return Rooms{}, err
	}
	// Each room is made of rooms that are there: this is the order in which rooms call each other.
	r := Rooms{Store: store, Account: accounts}
	r.Catalogue = catalogue.New(store, c.Now, accounts)
	r.Rank = rank.New(store, c.Log, rankPeople{accounts})
	r.boards = rank.NewKeeper(r.Rank, rank.Interval)
	r.Pay = pay.New(store, c.Log, accounts, proof.Records{}, r.Rank)
	r.Ticket = ticket.New(store, ticketPeople{accounts, c.TombstoneDays}, ticketGoods{r.Catalogue}, proof.Records{}, r.Pay,
		code.Units{}, queue{a})
	r.PayOffice = &pay.Service{Earnings: r.Pay, Tickets: r.Ticket}
	r.Dispatch = dispatch.New(store, dispatchPeople{accounts}, r.Ticket)
	if c.ProofTickets == nil {
		c.ProofTickets = proofTickets{r.Ticket}
	}
	r.Proof = proof.New(proof.Config{
		Store: store, Objects: objects, Log: c.Log, Signer: receipts{accounts.Keys, c.Now, c.Log},
		Examiner: media.Examiner{DecodeHEIC: heic.New().JPEG},
	}, c.ProofTickets)
	r.Order = order.New(store, c.Now, c.Secret.Key(phoneKey), orderPeople{accounts}, r.Catalogue, orderTickets{r.Ticket})
	r.TicketOffice = &ticket.Service{Tickets: r.Ticket, Dispatcher: r.Dispatch, Orders: r.Order}
	unitTickets := codeTickets{r.Ticket, r.Order}
	r.Code = code.New(code.Config{Store: store, Now: c.Now, PublicURL: a.PublicURL},
		codeKeys{accounts.Keys}, codePeople{accounts}, r.Catalogue, unitTickets)
	r.Booking = booking.New(booking.Config{Store: store, Now: c.Now, QuotaKey: c.Secret.Key(quotaKey)},
		bookingCodes{r.Code}, bookingPeople{accounts}, bookingGoods{r.Catalogue},
		bookingTickets{unitTickets, accounts, r.Catalogue})
	r.Explain = explain.New(store, explainPeople{accounts}, explainTickets{r.Ticket}, explainCodes{r.Code, unitTickets})
	mutators, err := together(r.Ticket.Mutators(), r.Proof.Mutators(), r.Code.Mutators(), c.Mutators)
	if err != nil {
		return Rooms{}, err
	}
	r.Intake = &intake.Intake[*postgres.Tx]{
		Store: store, Mutators: mutators, Retired: c.Retired, Signer: receipts{accounts.Keys, c.Now, c.Log},
		Now: c.Now, MaxAhead: state.MaxAhead, Subject: r.Ticket.Subject, Panicked: panicked(c.Log),
		Lock: lockPush(delta.KnownPayloads(), r), Alone: map[string]bool{code.KindOpenTicket: true},
	}
	if c.Early == nil {
		c.Early = a.early(&r)
	}
	r.Delta = delta.New(delta.Config{
		Store: store, Hub: a.hub, Log: c.Log, Heartbeat: c.Heartbeat, MaxAge: c.MaxWatchAge, MaxWatches: c.MaxWatches,
		KeepDays: c.BackupDays, Early: c.Early, Intake: r.Intake, Payloads: delta.KnownPayloads(),
		Contacts: &delta.Contacts{Store: store, Log: c.Log},
	}, deltaAccess{accounts}, accounts)
	return r, nil
}

// together joins the mutators of all rooms; a kind belongs to one of them.
func together(rooms ...map[string]intake.Mutator[*postgres.Tx]) (map[string]intake.Mutator[*postgres.Tx], error) {
	out := map[string]intake.Mutator[*postgres.Tx]{}
	for _, room := range rooms {
		for kind, m := range room {
			if _, twice := out[kind]; twice {
				return nil, fault.New(fault.Internal, "mutation kind %s belongs to two rooms", kind)
			}
			out[kind] = m
		}
	}
	return out, nil
}

// handlers registers every service.
func (r Rooms) handlers(mux *http.ServeMux, options []connect.HandlerOption) {
	handle := func(path string, h http.Handler) { mux.Handle(path, h) }
	r.Account.Handlers(handle, options...)
	handle(syncv1connect.NewSyncServiceHandler(r.Delta, options...))
	handle(syncv1connect.NewParkedServiceHandler(r.Delta, options...))
	r.Catalogue.Handlers(r.Ticket, handle, options...)
	r.Order.Handlers(handle, options...)
	handle(officev1connect.NewTicketServiceHandler(r.TicketOffice, options...))
	handle(officev1connect.NewExplainServiceHandler(explain.Service{Explainer: r.Explain}, options...))
	handle(storev1connect.NewCodeServiceHandler(code.Service{Codes: r.Code}, options...))
	handle(trackv1connect.NewTrackServiceHandler(booking.Track{Desk: r.Booking, PublicURL: r.Code.PublicURL}, options...))
	handle(fieldv1connect.NewProofServiceHandler(r.Proof, options...))
	handle(payv1connect.NewEarningServiceHandler(r.PayOffice, options...))
	handle(payv1connect.NewPlanServiceHandler(r.PayOffice, options...))
	handle(payv1connect.NewRankServiceHandler(&rank.Service{Boards: r.Rank}, options...))
}

// background is what runs as long as the server does.
func (r Rooms) background() []func(context.Context) {
	return []func(context.Context){
		r.Account.FollowKeys, r.boards.Run, r.Delta.Contacts.Run,
		r.Proof.Watch,
	}
}

// deltaAccess is delta.Access.
type deltaAccess struct{ *account.Accounts }

// Revoked answers calls by what the border found when it let them in, a moment ago; a stream, which lives for
// long, asks the database.
func (a deltaAccess) Revoked(ctx context.Context, who identity.Identity) (bool, error) {
	if who.Revoked || !rpc.Streaming(ctx) {
		return who.Revoked, nil
	}
	return a.Accounts.Revoked(ctx, who)
}

// MayHear allows the topics that are no feeds: boards.
func (deltaAccess) MayHear(_ context.Context, _ identity.Identity, topic string) bool {
	return rank.MayHear(topic)
}

// receipts signs receipts with the key that signs now.
type receipts struct {
	keys *account.Keyring
	now  func() time.Time
	log  *slog.Logger
}

// Sign implements change.Signer. Without a key, which LoadKeys makes impossible, the receipt stays empty and
// the phone goes on saying "saved on this phone" only.
func (r receipts) Sign(text []byte) (signature []byte, keyID string) {
	id, sig, err := r.keys.Sign(account.UseReceipt, text, r.now())
	if err != nil {
		r.log.Error("no key signs receipts", "error", err)
		return nil, ""
	}
	return sig, id
}

func panicked(log *slog.Logger) func(change.Mutation, any, []byte) {
	return func(m change.Mutation, value any, stack []byte) {
		log.Error("a mutation was parked because it failed", "kind", m.Kind, "id", m.ID, "device", m.Device.String(),
			"value", value, "stack", string(stack))
	}
}
