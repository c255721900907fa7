// protoc-gen-doorstep is the buf and protoc plugin that makes typed offline clients out of annotated protos.
//
// Options: lang=LANGUAGE, which client, and what that language needs:
//
//   - lang=go, import=PATH;NAME: the import path and the name of the package that is made;
//   - lang=kt, package=NAME: the Kotlin package that is made;
//   - lang=ts, messages=PATH: where the messages of protoc-gen-es stand, as seen from the files that are made.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"

	golang "github.com/doorstep-dev/doorstep/clientgen/golang/emit"
	kotlin "github.com/doorstep-dev/doorstep/clientgen/kotlin/emit"
	"github.com/doorstep-dev/doorstep/clientgen/model"
	typescript "github.com/doorstep-dev/doorstep/clientgen/typescript/emit"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "protoc-gen-doorstep:", err)
		os.Exit(1)
	}
}

// run answers one request of buf or protoc.
func run(in io.Reader, out io.Writer) error {
	b, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	req := &pluginpb.CodeGeneratorRequest{}
	if err := proto.Unmarshal(b, req); err != nil {
		return fmt.Errorf("it is called by buf or protoc, not by hand: %w", err)
	}
	res, err := respond(req)
	if err != nil {
		return err
	}
	if b, err = proto.Marshal(res); err != nil {
		return err
	}
	_, err = out.Write(b)
	return err
}

// respond makes the files that a request asks for. A mistake in what a person wrote stands in the answer.
func respond(req *pluginpb.CodeGeneratorRequest) (*pluginpb.CodeGeneratorResponse, error) {
	var flags flag.FlagSet
	lang := flags.String("lang", "", "go, kt or ts")
	path := flags.String("import", "", "for Go: import path and package name, PATH;NAME")
	pkg := flags.String("package", "", "for Kotlin: the package")
	messages := flags.String("messages", "./gen", "for TypeScript: where the messages stand")
	if !strings.Contains(","+req.GetParameter()+",", ",lang=go,") {
		withoutGo(req)
	}
	p, err := protogen.Options{ParamFunc: flags.Set}.New(req)
	if err != nil {
		return nil, err
	}
	p.SupportedFeatures = uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL)
	if err := generate(p, *lang, *path, *pkg, *messages); err != nil {
		p.Error(err)
	}
	return p.Response(), nil
}

// withoutGo gives the files that name no Go package some, for the library asks for it in any language.
func withoutGo(req *pluginpb.CodeGeneratorRequest) {
	for _, f := range req.GetProtoFile() {
		if f.GetOptions().GetGoPackage() != "" {
			continue
		}
		if f.Options == nil {
			f.Options = &descriptorpb.FileOptions{}
		}
		f.Options.GoPackage = new("none.example/" + strings.TrimSuffix(f.GetName(), ".proto"))
	}
}

func generate(p *protogen.Plugin, lang, path, pkg, messages string) error {
	var files []protoreflect.FileDescriptor
	for _, f := range p.Files {
		if f.Generate {
			files = append(files, f.Desc)
		}
	}
	m, err := model.Build(files)
	if err != nil {
		return fmt.Errorf("annotations:\n%w", err)
	}
	switch lang {
	case "go":
		path, name, ok := strings.Cut(path, ";")
		if !ok {
			return fmt.Errorf("lang=go needs import=PATH;NAME, for example import=example.com/app/client;client")
		}
		return golang.Emit(p, m, protogen.GoImportPath(path), name)
	case "kt":
		if pkg == "" {
			return fmt.Errorf("lang=kt needs package=NAME, for example package=com.example.app")
		}
		files, err := kotlin.Emit(m, pkg)
		if err != nil {
			return err
		}
		for _, f := range files {
			if err := add(p, f.Path, f.Text); err != nil {
				return err
			}
		}
		return nil
	case "ts":
		files, err := typescript.Emit(m, messages)
		if err != nil {
			return err
		}
		for _, f := range files {
			if err := add(p, f.Path, f.Text); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("lang=%s is not known: it can be go, kt or ts", lang)
}

func add(p *protogen.Plugin, path, text string) error {
	_, err := p.NewGeneratedFile(path, "").Write([]byte(text))
	return err
}
