package archtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"strings"
	"testing"
)

// unpaired finds what would take a role for a right: a call of identity.MayCall outside of the border, and a call of
// identity.Acting that throws the reach away. What a caller's grants are is not to be had elsewhere: the compiler sees
// to that.
func unpaired(name string, src any) ([]string, error) {
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, name, src, 0)
	if err != nil {
		return nil, err
	}
	var found []string
	is := func(n ast.Node, method string) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return false
		}
		s, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || s.Sel.Name != method {
			return false
		}
		x, ok := s.X.(*ast.Ident)
		return ok && x.Name == "identity"
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if is(n, "MayCall") && path.Dir(name) != "server/rpc" {
			found = append(found, set.Position(n.Pos()).String()+
				": identity.MayCall is the border's; decide by identity.Acting's reach")
		}
		if a, ok := n.(*ast.AssignStmt); ok && len(a.Lhs) == 3 && len(a.Rhs) == 1 && is(a.Rhs[0], "Acting") {
			if x, ok := a.Lhs[1].(*ast.Ident); ok && x.Name == "_" {
				found = append(found, set.Position(n.Pos()).String()+": the reach says over what the caller may act; use it")
			}
		}
		return true
	})
	return found, nil
}

func TestARoleIsNeverAskedWithoutItsScope(t *testing.T) {
	t.Parallel()
	walk(t, func(name string, read func() []byte) {
		if path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") || !within(name, "server") {
			return
		}
		found, err := unpaired(name, read())
		if err != nil {
			t.Error(err)
		}
		for _, f := range found {
			t.Error(f)
		}
	})
	for src, want := range map[string]int{
		`package a; func f() { who, _, err := identity.Acting(ctx, identity.Admin) }`:     1,
		`package a; func f() { if identity.MayCall(who, roles) { return } }`:              1,
		`package a; func f() { who, reach, err := identity.Acting(ctx, identity.Admin) }`: 0,
	} {
		if found, err := unpaired("server/a/a.go", src); err != nil || len(found) != want {
			t.Errorf("%s: %v %v", src, found, err)
		}
	}
}
