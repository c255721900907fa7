package main

import (
	"bytes"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/pluginpb"

	"github.com/doorstep-dev/doorstep/clientgen/sample/meterv1"
	optionsv1 "github.com/doorstep-dev/doorstep/proto/doorstep/options/v1"
)

// request asks for a client of the sample's protos, which name no Go package.
func request(parameter string) *pluginpb.CodeGeneratorRequest {
	meter := protodesc.ToFileDescriptorProto(meterv1.File_meter_v1_meter_proto)
	meter.Options.GoPackage = nil
	return &pluginpb.CodeGeneratorRequest{
		FileToGenerate: []string{meter.GetName()}, Parameter: &parameter,
		ProtoFile: []*descriptorpb.FileDescriptorProto{
			protodesc.ToFileDescriptorProto(descriptorpb.File_google_protobuf_descriptor_proto),
			protodesc.ToFileDescriptorProto(timestamppb.File_google_protobuf_timestamp_proto),
			protodesc.ToFileDescriptorProto(optionsv1.File_doorstep_options_v1_options_proto), meter,
		},
	}
}

func TestClientsOfOtherLanguagesNeedNoGoPackage(t *testing.T) {
	t.Parallel()
	for parameter, file := range map[string]string{
		"lang=ts,messages=./gen":      "entities.gen.ts",
		"lang=kt,package=com.example": "com/example/Entities.kt",
	} {
		in, err := proto.Marshal(request(parameter))
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := run(bytes.NewReader(in), &out); err != nil {
			t.Fatalf("%s: %v", parameter, err)
		}
		res := &pluginpb.CodeGeneratorResponse{}
		if err := proto.Unmarshal(out.Bytes(), res); err != nil || res.GetError() != "" {
			t.Fatalf("%s: %v %s", parameter, err, res.GetError())
		}
		if res.GetFile()[0].GetName() != file {
			t.Errorf("%s made %s", parameter, res.GetFile()[0].GetName())
		}
	}
}

func TestWhatIsMissingIsSaid(t *testing.T) {
	t.Parallel()
	for parameter, want := range map[string]string{
		"lang=kt": "package=NAME", "lang=cobol": "go, kt or ts", "lang=go,import=x": "go_package",
	} {
		res, err := respond(request(parameter))
		if err != nil {
			res = &pluginpb.CodeGeneratorResponse{Error: new(err.Error())}
		}
		if !strings.Contains(res.GetError(), want) {
			t.Errorf("%s: %s", parameter, res.GetError())
		}
	}
}
