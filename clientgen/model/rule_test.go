package model_test

import (
	"encoding/json"
	"errors"
	"os"
	"testing"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/doorstep-dev/doorstep/clientgen/model"
	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	storev1 "github.com/doorstep-dev/doorstep/proto/doorstep/store/v1"
)

// argumentCase is one of testdata/arguments.json: arguments as JSON and in bytes, and the field that the server refuses
// them for, empty when it takes them. Clients hold what they refuse before they save against the same file.
type argumentCase struct {
	Name, Kind, Field string
	Args              json.RawMessage
	Bytes             []byte
}

func TestTheServerRefusesTheArgumentsThatClientsRefuse(t *testing.T) {
	t.Parallel()
	const path = "testdata/arguments.json"
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var cases []argumentCase
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	messages := map[string]proto.Message{
		"visit.accept": &fieldv1.VisitAccept{}, "visit.decline": &fieldv1.VisitDecline{},
		"task.answer": &fieldv1.AnswerTask{},
		"part.add":    &fieldv1.AddPart{}, "note.add": &fieldv1.AddNote{}, "proof.attach": &fieldv1.AttachProof{},
		"signature.sign": &fieldv1.SignSignature{}, "store.open_ticket": &storev1.OpenTicketByScan{},
	}
	for _, c := range cases {
		args := proto.Clone(messages[c.Kind])
		if err := protojson.Unmarshal(c.Args, args); err != nil {
			t.Fatalf("%s: %v", c.Name, err)
		}
		same := proto.Clone(messages[c.Kind])
		if err := proto.Unmarshal(c.Bytes, same); err != nil || !proto.Equal(args, same) {
			wire, _ := proto.MarshalOptions{Deterministic: true}.Marshal(args)
			t.Errorf("%s: the bytes are not the arguments: %v, should be %q", c.Name, err, wire)
		}
		field := ""
		var refused *protovalidate.ValidationError
		if err := protovalidate.Validate(args); errors.As(err, &refused) {
			field = protovalidate.FieldPathString(refused.Violations[0].Proto.GetField())
		}
		if field != c.Field {
			t.Errorf("%s: the server refuses %q, not %q", c.Name, field, c.Field)
		}
	}
}

func TestClientsCanCheckTheRulesOfAllMutations(t *testing.T) {
	t.Parallel()
	for _, file := range []protoreflect.FileDescriptor{
		fieldv1.File_doorstep_field_v1_mutation_proto,
		storev1.File_doorstep_store_v1_store_proto,
	} {
		for i := range file.Messages().Len() {
			md := file.Messages().Get(i)
			if rules, err := model.Rules(md); err != nil {
				t.Error(err)
			} else if md.Name() == "SignSignature" && len(rules) != 12 {
				t.Errorf("%d rules of a signature", len(rules))
			}
		}
	}
}
