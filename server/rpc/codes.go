package rpc

import "github.com/doorstep-dev/doorstep/sync/fault"

// The codes of this package.
const (
	PortBusy fault.Code = "port_busy"
)

var _ = fault.Register(
	fault.Definition{
		Code: PortBusy, Kind: fault.KindConflict,
		English: "Another program listens there already. Stop it, or choose another address with --listen.",
		Chinese: "该地址端口已被其他程序占用，请先停止它，或用 --listen 换一个地址。",
	},
)
