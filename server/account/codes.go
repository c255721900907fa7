package account

import "github.com/doorstep-dev/doorstep/sync/fault"

// The codes of this package.
const (
	LoginFailed fault.Code = "login_failed"
)

var _ = fault.Register(
	fault.Definition{
		Code: LoginFailed, Kind: fault.KindUnauthenticated,
		English: "Company, name or password is wrong.",
		Chinese: "公司、账号或密码有误。",
	},
)
