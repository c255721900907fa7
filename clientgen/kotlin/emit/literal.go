package emit

import (
	"math"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/doorstep-dev/doorstep/clientgen/model"
)

func (e *emitter) literals(ls []model.Literal) string {
	out := make([]string, len(ls))
	for i, l := range ls {
		out[i] = e.literal(l)
	}
	return strings.Join(out, ", ")
}

// literal writes a fixed value. Unsigned numbers are the signed ones of the same bits, as Java lite has them.
func (e *emitter) literal(l model.Literal) string {
	switch f := l.Field; f.Kind() {
	case protoreflect.EnumKind:
		return e.typeOf(f.Enum()) + "." + string(f.Enum().Values().ByNumber(l.Value.Enum()).Name())
	case protoreflect.StringKind:
		return text(l.Value.String())
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return whole(int64(int32(uint32(l.Value.Uint()))), "", math.MinInt32, "Int") //nolint:gosec // the same bits
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return whole(l.Value.Int(), "", math.MinInt32, "Int")
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return whole(int64(l.Value.Uint()), "L", math.MinInt64, "Long") //nolint:gosec // the same bits
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return whole(l.Value.Int(), "L", math.MinInt64, "Long")
	case protoreflect.FloatKind:
		return fraction(l.Value.Float(), 32, "f", "Float")
	case protoreflect.DoubleKind:
		return fraction(l.Value.Float(), 64, "", "Double")
	}
	return l.Value.String()
}

// whole writes a whole number; the least one has no literal in Kotlin.
func whole(n int64, suffix string, least int64, class string) string {
	if n == least {
		return class + ".MIN_VALUE"
	}
	return strconv.FormatInt(n, 10) + suffix
}

func fraction(x float64, bits int, suffix, class string) string {
	switch {
	case math.IsNaN(x):
		return class + ".NaN"
	case math.IsInf(x, 1):
		return class + ".POSITIVE_INFINITY"
	case math.IsInf(x, -1):
		return class + ".NEGATIVE_INFINITY"
	}
	out := strconv.FormatFloat(x, 'g', -1, bits)
	if !strings.ContainsAny(out, ".e") {
		out += ".0"
	}
	return out + suffix
}

// text writes a text with what has a meaning in Kotlin escaped.
func text(s string) string {
	out := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(s)
	return `"` + out + `"`
}
