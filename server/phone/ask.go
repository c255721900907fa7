package phone

import (
	"context"

	"connectrpc.com/connect"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// ask makes one call to the office as this phone; PhoneOffline when the phone is not to use the network.
func ask[Client, Req, Res any](
	p *Phone, client newClient[Client], method method[Client, Req, Res], req *Req,
) (*Res, error) {
	d, err := p.store.Device(p.ctx)
	if err != nil {
		return nil, err
	}
	if d.Offline || p.noSync {
		return nil, fault.New(fault.PhoneOffline, "")
	}
	return call(p, client, method, req)
}

// call is ask for who uses the network already.
func call[Client, Req, Res any](
	p *Phone, client newClient[Client], method method[Client, Req, Res], req *Req,
) (*Res, error) {
	h, server, err := p.client.Dial(p.ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	res, err := method(client(h, server, p.client.Options()...), ctx, connect.NewRequest(req))
	if err != nil {
		return nil, err
	}
	return res.Msg, nil
}

type (
	newClient[Client any]        = func(connect.HTTPClient, string, ...connect.ClientOption) Client
	method[Client, Req, Res any] = func(Client, context.Context, *connect.Request[Req]) (*connect.Response[Res], error)
)
