package rpc

import (
	"errors"
	"fmt"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/doorstep-dev/doorstep/internal/idjson"
)

// strictJSON reads and writes messages as JSON. It refuses fields that the message does not have, with their path,
// where Connect's own codec would drop them: a plan was published without its end because that was misspelt. Who calls
// in JSON writes it by hand or by a script, against this server; generated clients speak binary, in which a newer app's
// fields are kept.
type strictJSON struct{ name string }

func withStrictJSON() connect.HandlerOption {
	return connect.WithHandlerOptions(
		connect.WithCodec(strictJSON{"json"}), connect.WithCodec(strictJSON{"json; charset=utf-8"}))
}

var _ connect.Codec = strictJSON{}

func (c strictJSON) Name() string { return c.name }

func (strictJSON) Marshal(v any) ([]byte, error) {
	m, err := protoOf(v)
	if err != nil {
		return nil, err
	}
	return protojson.Marshal(m)
}

// MarshalAppend lets Connect write into its own buffers.
func (strictJSON) MarshalAppend(b []byte, v any) ([]byte, error) {
	m, err := protoOf(v)
	if err != nil {
		return nil, err
	}
	return protojson.MarshalOptions{}.MarshalAppend(b, m)
}

func (strictJSON) Unmarshal(text []byte, v any) error {
	m, err := protoOf(v)
	if err != nil {
		return err
	}
	if len(text) == 0 {
		return errors.New("no JSON object")
	}
	return idjson.Strict(text, m)
}

func protoOf(v any) (proto.Message, error) {
	m, ok := v.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("message of type %T is no protobuf message", v)
	}
	return m, nil
}
