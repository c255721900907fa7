// Command apidoc is a plugin of buf that writes the reference of the API: one Markdown file for each package of
// protos. `make generate` runs it.
package main

import (
	"cmp"
	"slices"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/types/pluginpb"
)

func main() {
	protogen.Options{}.Run(func(p *protogen.Plugin) error {
		p.SupportedFeatures = uint64(pluginpb.CodeGeneratorResponse_FEATURE_PROTO3_OPTIONAL)
		return generate(p)
	})
}

func generate(p *protogen.Plugin) error {
	packages := map[string][]*protogen.File{}
	for _, f := range p.Files {
		if f.Generate {
			packages[string(f.Desc.Package())] = append(packages[string(f.Desc.Package())], f)
		}
	}
	for name, files := range packages {
		slices.SortFunc(files, func(a, b *protogen.File) int { return cmp.Compare(a.Desc.Path(), b.Desc.Path()) })
		if _, err := p.NewGeneratedFile(name+".md", "").Write([]byte(reference(name, files))); err != nil {
			return err
		}
	}
	_, err := p.NewGeneratedFile("README.md", "").Write([]byte(index(packages)))
	return err
}
