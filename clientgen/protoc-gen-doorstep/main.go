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
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/pluginpb"

	golang "github.com/doorstep-dev/doorstep/clientgen/golang/emit"
	kotlin "github.com/doorstep-dev/doorstep/clientgen/kotlin/emit"
	"github.com/doorstep-dev/doorstep/clientgen/model"
	typescript "github.com/doorstep-dev/doorstep/clientgen/typescript/emit"
)

func main() {
	var flags flag.FlagSet
	lang := flags.String("lang", "", "go, kt or ts")
	path := flags.String("import", "", "for Go: import path and package name, PATH;NAME")
	pkg := flags.String("package", "", "for Kotlin: the package")
	messages := flags.String("messages", "./gen", "for TypeScript: where the messages stand")
	protogen.Options{ParamFunc: flags.Set}.Run(func(p *protogen.Plugin) error {
		p.SupportedFeatures = uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL)
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
		switch *lang {
		case "go":
			path, name, ok := strings.Cut(*path, ";")
			if !ok {
				return fmt.Errorf("lang=go needs import=PATH;NAME, for example import=example.com/app/client;client")
			}
			return golang.Emit(p, m, protogen.GoImportPath(path), name)
		case "kt":
			if *pkg == "" {
				return fmt.Errorf("lang=kt needs package=NAME, for example package=com.example.app")
			}
			files, err := kotlin.Emit(m, *pkg)
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
			files, err := typescript.Emit(m, *messages)
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
		return fmt.Errorf("lang=%s is not known: it can be go, kt or ts", *lang)
	})
}

func add(p *protogen.Plugin, path, text string) error {
	_, err := p.NewGeneratedFile(path, "").Write([]byte(text))
	return err
}
