package model_test

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/doorstep-dev/doorstep/clientgen/model"
)

// build compiles protos, by file name, and makes a model of them.
func build(t *testing.T, files map[string]string) (*model.Model, error) {
	t.Helper()
	var names []string
	for name := range files {
		names = append(names, name)
	}
	options, err := os.ReadFile(filepath.FromSlash("../../proto/doorstep/options/v1/options.proto"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{"doorstep/options/v1/options.proto": string(options)}
	maps.Copy(all, files)
	c := protocompile.Compiler{
		Resolver: protocompile.WithStandardImports(
			&protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(all)}),
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	compiled, err := c.Compile(context.Background(), names...)
	if err != nil {
		t.Fatal(err)
	}
	// As a plugin gets them: over the wire, so that the options are of this program's types.
	var out []protoreflect.FileDescriptor
	for _, f := range compiled {
		b, err := proto.Marshal(protodesc.ToFileDescriptorProto(f))
		if err != nil {
			t.Fatal(err)
		}
		var d descriptorpb.FileDescriptorProto
		if err := proto.Unmarshal(b, &d); err != nil {
			t.Fatal(err)
		}
		own, err := protodesc.NewFile(&d, protoregistry.GlobalFiles)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, own)
	}
	return model.Build(out)
}

const head = `syntax = "proto3";
package meter.v1;
import "doorstep/options/v1/options.proto";
import "google/protobuf/timestamp.proto";
`

// meters are another trade: somebody reads meters.
const meters = head + `
message Label { string zh = 1; string en = 2; }
message Address { string street = 1; string phone = 2 [(doorstep.options.v1.field).sensitive = true]; }
enum Status { STATUS_UNSPECIFIED = 0; STATUS_DUE = 1; STATUS_READ = 2; }
message Reading { bytes id = 1; uint32 value = 2; google.protobuf.Timestamp at = 3; }
message Route {
  option (doorstep.options.v1.entity) = { kind: 1 key: "id" };
  bytes id = 1;
  Label name = 2;
}
message Meter {
  option (doorstep.options.v1.entity) = { kind: 2 key: "id" indexes: { fields: ["status", "address.street"] } };
  bytes id = 1;
  bytes route_id = 2 [(doorstep.options.v1.field).references = "Route"];
  Status status = 3;
  repeated Reading readings = 4;
  uint32 visits = 5;
  Address address = 6;
  repeated string tags = 7;
  string note = 8;
}
message ReadMeter {
  option (doorstep.options.v1.mutation) = {
    kind: "meter.read"
    offered_when: { path: "meter_id.status" is: ["STATUS_DUE"] }
    effects: {
      on: "meter_id"
      set: { field: "status" literal: "STATUS_READ" }
      set: { field: "note" from: "meter_id.route_id.name.zh" }
      add: { field: "visits" literal: "1" }
      append: { field: "readings" replace_by: "value" copy: true set: { field: "at" device_time: true } }
      remove: { field: "tags" equals: "tag" }
    }
  };
  bytes id = 1;
  bytes meter_id = 2 [(doorstep.options.v1.field).references = "Meter"];
  uint32 value = 3;
  string tag = 4;
}
`

func TestAModelOfAnotherTradeIsResolved(t *testing.T) {
	t.Parallel()
	m, err := build(t, map[string]string{"meter.proto": meters})
	if err != nil {
		t.Fatal(err)
	}
	if len(m.Entities) != 2 || m.Entities[1].Plural != "Meters" || m.Entities[1].Key.Name() != "id" {
		t.Fatalf("entities %+v", m.Entities)
	}
	meter := m.Entities[1]
	if len(meter.Indexes) != 2 || meter.Indexes[0].References != m.Entities[0] ||
		meter.Indexes[1].Fields[1].String() != "address.street" {
		t.Errorf("indexes %v", meter.Indexes)
	}
	if len(meter.Sensitive) != 1 || meter.Sensitive[0].String() != "address.phone" {
		t.Errorf("sensitive %v", meter.Sensitive)
	}
	read := m.Mutations[0]
	if read.Kind != "meter.read" || len(read.Offered) != 1 || read.Offered[0].Path[0].Into != meter {
		t.Errorf("mutation %+v", read)
	}
	e := read.Effects[0]
	if e.Target != meter || len(e.Set) != 2 || e.Set[1].From.String() != "meter_id.route_id.name.zh" ||
		e.Set[1].From[1].Into != m.Entities[0] {
		t.Errorf("effect %+v", e)
	}
	// id and value are alike in the arguments and in a reading; at is not an argument.
	if a := e.Append[0]; len(a.Copy) != 2 || a.ReplaceBy.Name() != "value" || !a.Set[0].DeviceTime {
		t.Errorf("append %+v", a)
	}
}

func TestMistakesAreToldWithFileAndLine(t *testing.T) {
	t.Parallel()
	entity := func(kind, more string) string {
		return "message " + kind + " {\n  option (doorstep.options.v1.entity) = { " + more +
			" };\n  bytes id = 1;\n  repeated string tags = 2;\n  uint32 n = 3;\n}\n"
	}
	mutation := func(more string) string {
		return entity("Meter", `kind: 1 key: "id"`) +
			"message Read {\n  option (doorstep.options.v1.mutation) = {\n    " + more + "\n  };\n" +
			"  bytes meter_id = 1 [(doorstep.options.v1.field).references = \"Meter\"];\n  string text = 2;\n}\n"
	}
	// head has four lines; an entity of Meter takes the next six; its option stands in line 6, a mutation's in 12.
	for name, c := range map[string]struct{ text, want string }{
		"no kind": {entity("Meter", `key: "id"`), "m.proto:6: Meter: kind 0: an entity needs a kind from 1"},
		"kind twice": {
			entity("Meter", "kind: 1") + entity("Route", "kind: 1"),
			"m.proto:12: Route: kind 1 is that of meter.v1.Meter already",
		},
		"kind retired": {
			"option (doorstep.options.v1.retired).entity_kinds = 7;\n" + entity("Meter", "kind: 7"),
			"m.proto:7: Meter: kind 7 is retired",
		},
		"no key": {entity("Meter", `kind: 1 key: "uid"`), `m.proto:6: Meter: Meter has no field "uid"`},
		"key of numbers": {
			entity("Meter", `kind: 1 key: "n"`),
			"m.proto:6: Meter: key n must be one bytes field, a UUID; it is uint32",
		},
		"index on a list": {
			entity("Meter", `kind: 1 indexes: {fields: ["tags"]}`),
			"m.proto:6: Meter: no index on tags: repeated string has no one value",
		},
		"index on nothing": {
			entity("Meter", `kind: 1 indexes: {fields: ["x"]}`),
			`m.proto:6: Meter: Meter has no field "x"`,
		},
		"index twice": {
			entity("Meter", `kind: 1 indexes: {fields: ["n"]} indexes: {fields: ["n"]}`),
			"m.proto:6: Meter: index on n is there already",
		},
		"bad reference": {
			"message A {\n  bytes b = 1 [(doorstep.options.v1.field).references = \"Nobody\"];\n}\n",
			`m.proto:6: b: no entity is named "Nobody"`,
		},
		"reference of a text": {
			entity("Meter", "kind: 1") +
				"message A {\n  string b = 1 [(doorstep.options.v1.field).references = \"Meter\"];\n}\n",
			"m.proto:12: b: only one bytes field can reference",
		},
		"kind of a mutation": {
			mutation(`kind: "Read"`),
			`m.proto:12: Read: kind "Read": a mutation needs a kind of lower case words`,
		},
		"mutation retired": {"option (doorstep.options.v1.retired).mutation_kinds = \"a.b\";\n" +
			mutation(`kind: "a.b"`), "m.proto:13: Read: kind a.b is retired"},
		"effect on a missing": {
			mutation(`kind: "a.b" effects: { on: "meter_id" set: { field: "x" literal: "1" } }`),
			`m.proto:12: Read: Meter has no field "x"`,
		},
		"effect on no entity": {
			mutation(`kind: "a.b" effects: { on: "text" }`),
			"m.proto:12: Read: on: text names no entity",
		},
		"effect on two": {
			mutation(`kind: "a.b" effects: { on: "meter_id" create: "Meter" }`),
			"m.proto:12: Read: an effect needs either on or create",
		},
		"a type that fits not": {
			mutation(`kind: "a.b" effects: { on: "meter_id" set: { field: "n" from: "text" } }`),
			"m.proto:12: Read: text is string and n is uint32",
		},
		"a literal that is not": {
			mutation(`kind: "a.b" effects: { on: "meter_id" set: { field: "n" literal: "-1" } }`),
			`m.proto:12: Read: "-1" is no value of n`,
		},
		"set of a list": {
			mutation(`kind: "a.b" effects: { on: "meter_id" set: { field: "tags" from: "text" } }`),
			"m.proto:12: Read: set: tags is repeated string; use append",
		},
		"append to no list": {
			mutation(`kind: "a.b" effects: { on: "meter_id" append: { field: "n" from: "text" } }`),
			"m.proto:12: Read: append: n is uint32, not repeated",
		},
		"add of a text": {
			mutation(`kind: "a.b" effects: { on: "meter_id" add: { field: "id" from: "meter_id" } }`),
			"m.proto:12: Read: add: id is bytes; only numbers add up",
		},
		"time in a number": {
			mutation(`kind: "a.b" effects: { on: "meter_id" set: { field: "n" device_time: true } }`),
			"m.proto:12: Read: device_time needs a google.protobuf.Timestamp",
		},
		"a path through a text": {
			mutation(`kind: "a.b" offered_when: { path: "text.more" is: ["x"] }`),
			`m.proto:12: Read: "text.more" goes on after text`,
		},
		"an empty condition": {
			mutation(`kind: "a.b" offered_when: { path: "text" }`),
			"m.proto:12: Read: a condition on text needs either is or none_of",
		},
		"custom and declared": {
			mutation(`kind: "a.b" custom_effect: true effects: { on: "meter_id" }`),
			"m.proto:12: Read: custom_effect is for mutations without effects",
		},
		"two of one name": {
			entity("Meter", `kind: 1`) + entity("Route", `kind: 2 plural: "Meters"`),
			"m.proto:12: Route: the client would have two things named Meters",
		},
		"a bad attachment": {
			mutation(
				`kind: "a.b" attachment: { id: "meter_id" sha256: "text" size: "text" media_type: "text" }`),
			"m.proto:12: Read: attachment.sha256 needs a field of type bytes",
		},
		"delete and set": {
			mutation(
				`kind: "a.b" effects: { on: "meter_id" delete: true set: { field: "n" literal: "1" } }`),
			"m.proto:12: Read: an entity that goes needs no new values",
		},
		"remove of a number": {
			mutation(`kind: "a.b" effects: { on: "meter_id" remove: { field: "n" equals: "text" } }`),
			"m.proto:12: Read: remove: n is uint32, not repeated",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := build(t, map[string]string{"m.proto": head + c.text})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got:\n%v\nwant: %s", err, c.want)
			}
		})
	}
}
