// protoc-gen-doorstep is the buf and protoc plugin that makes typed offline clients out of annotated protos.
//
// Options: lang=go (which client; the only one that is needed), and for Go import=PATH;NAME, the import path and the
// name of the package that is made.
package main

import (
	"flag"
	"fmt"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/pluginpb"

	golang "github.com/doorstep-dev/doorstep/clientgen/golang/emit"
	"github.com/doorstep-dev/doorstep/clientgen/model"
)

func main() {
	var flags flag.FlagSet
	lang := flags.String("lang", "", "go")
	path := flags.String("import", "", "for Go: import path and package name, PATH;NAME")
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
		}
		return fmt.Errorf("lang=%s is not known: it can be go", *lang)
	})
}
