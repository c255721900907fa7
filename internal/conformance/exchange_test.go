package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/timestamppb"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	syncv1 "github.com/doorstep-dev/doorstep/proto/doorstep/sync/v1"
	"github.com/doorstep-dev/doorstep/sync/change"
)

// exchangeAt is when the office answers in the exchange of docs/PROTOCOL.md; the mutation was made five seconds before.
var exchangeAt = time.Date(2026, 12, 1, 9, 0, 5, 0, time.UTC)

// The exchange of section 12 of docs/PROTOCOL.md shows what these messages encode to, as bytes and as JSON.
func TestTheExchangeInTheProtocolIsWhatTheMessagesEncodeTo(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../docs/PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(raw)
	for _, m := range exchange(t) {
		for _, block := range []string{"```\n" + bytesOf(t, m) + "```\n", "```json\n" + jsonOf(t, m) + "\n```\n"} {
			if !strings.Contains(page, block) {
				t.Errorf("docs/PROTOCOL.md lacks this of %s:\n%s", m.ProtoReflect().Descriptor().FullName(), block)
			}
		}
	}
	text, _ := exchangeReceipt(t)
	if !strings.Contains(page, "```\n"+text+"```\n") {
		t.Errorf("docs/PROTOCOL.md lacks this receipt text:\n%s", text)
	}
}

// exchange is one push with its answer, and the pull that follows it with its page.
func exchange(t *testing.T) []proto.Message {
	t.Helper()
	m := exchangeMutation(t)
	_, receipt := exchangeReceipt(t)
	visit := &fieldv1.Visit{
		Id: exchangeVisit[:], State: fieldv1.VisitState_VISIT_STATE_ACCEPTED, Ordinal: 1,
		AcceptedAt: timestamppb.New(m.DeviceTime),
	}
	digest := change.DigestOf(change.Entity{Kind: 11, ID: exchangeVisit}, 42)
	body := encoded(t, visit)
	feed := "tech:0192f0c1-0000-7000-8000-0000000000a1"
	return []proto.Message{
		&syncv1.PushRequest{
			Mutations: []*syncv1.Mutation{{
				Sequence: m.Seq, Id: m.ID[:], Kind: m.Kind, Args: m.Args, DeviceTime: timestamppb.New(m.DeviceTime),
			}},
			HeldFrom: 1, DeviceTime: timestamppb.New(exchangeAt),
		},
		&syncv1.PushResponse{
			Verdicts: []*syncv1.Verdict{{
				Sequence: m.Seq, Id: m.ID[:], Outcome: syncv1.Outcome_OUTCOME_APPLIED, ServerTime: timestamppb.New(exchangeAt),
				Receipt: receipt, Key: "k1",
			}},
			LastSequence: m.Seq, ServerTime: timestamppb.New(exchangeAt), KeepDays: 30,
		},
		&syncv1.PullRequest{Cursor: []byte("cursor-1"), DeviceTime: timestamppb.New(exchangeAt)},
		&syncv1.PullResponse{
			Feeds: []*syncv1.FeedDelta{{
				Feed: feed, Entries: []*syncv1.Entry{{Kind: 11, Id: exchangeVisit[:], Sequence: 42, Body: body}},
			}},
			Cursor: []byte("cursor-2"),
			Checkpoint: &syncv1.Checkpoint{Feeds: []*syncv1.FeedState{{
				Feed: feed, Sequence: 42, Digest: uint64(digest), Count: 1,
			}}},
			LastSequence: m.Seq, ServerTime: timestamppb.New(exchangeAt),
		},
	}
}

var exchangeVisit = uuid.MustParse("0192f0c1-2345-7abc-8def-0123456789ab")

func exchangeMutation(t *testing.T) change.Mutation {
	t.Helper()
	return change.Mutation{
		Device: change.Device(uuid.MustParse("0192f0c1-0000-7000-8000-0000000000d1")), Seq: 3,
		ID:   uuid.MustParse("0193811e-0000-7000-8000-000000000003"),
		Kind: "visit.accept", Args: encoded(t, &fieldv1.VisitAccept{VisitId: exchangeVisit[:]}),
		DeviceTime: exchangeAt.Add(-5 * time.Second),
	}
}

// exchangeReceipt is the text that the office signs, and its signature by the key whose seed is 32 zeros.
func exchangeReceipt(t *testing.T) (string, []byte) {
	t.Helper()
	org := change.Org(uuid.MustParse("0192f0c1-0000-7000-8000-0000000000c1"))
	text := change.ReceiptText(org, exchangeMutation(t), change.Verdict{Outcome: change.Applied, At: exchangeAt})
	return string(text), ed25519.Sign(ed25519.NewKeyFromSeed(make([]byte, 32)), text)
}

func encoded(t *testing.T, m proto.Message) []byte {
	t.Helper()
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func jsonOf(t *testing.T, m proto.Message) string {
	t.Helper()
	b, err := protojson.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, b, "", "  "); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// bytesOf writes the message's bytes, one field a line, with the field's name beside its tag.
func bytesOf(t *testing.T, m proto.Message) string {
	t.Helper()
	var out strings.Builder
	dump(t, &out, "", m.ProtoReflect().Descriptor(), encoded(t, m))
	return out.String()
}

func dump(t *testing.T, out *strings.Builder, indent string, d protoreflect.MessageDescriptor, b []byte) {
	t.Helper()
	for len(b) > 0 {
		number, wire, n := protowire.ConsumeTag(b)
		field := d.Fields().ByNumber(number)
		if n < 0 || field == nil {
			t.Fatalf("tag of %s: %x", d.FullName(), b)
		}
		if wire != protowire.BytesType {
			n += protowire.ConsumeFieldValue(number, wire, b[n:])
			fmt.Fprintf(out, "%-26s%s%s\n", indent+hex.EncodeToString(b[:n]), field.Name(), value(wire, b[:n]))
			b = b[n:]
			continue
		}
		content, size := protowire.ConsumeBytes(b[n:])
		head := n + size - len(content)
		fmt.Fprintf(out, "%-26s%s, %d bytes", indent+hex.EncodeToString(b[:head]), field.Name(), len(content))
		if field.Kind() == protoreflect.StringKind {
			fmt.Fprintf(out, ": %s", content)
		}
		out.WriteByte('\n')
		if field.Message() != nil {
			dump(t, out, indent+"  ", field.Message(), content)
		} else {
			for part := range slices.Chunk(content, 32) {
				fmt.Fprintf(out, "%s  %x\n", indent, part)
			}
		}
		b = b[n+size:]
	}
}

// value is the number that a field holds: a varint, or the 8 bytes of a fixed64.
func value(wire protowire.Type, field []byte) string {
	_, _, n := protowire.ConsumeTag(field)
	if wire == protowire.Fixed64Type {
		v, _ := protowire.ConsumeFixed64(field[n:])
		return fmt.Sprintf(": 0x%x", v)
	}
	v, _ := protowire.ConsumeVarint(field[n:])
	return fmt.Sprintf(": %d", v)
}
