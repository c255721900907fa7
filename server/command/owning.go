package command

import (
	"context"
	"errors"

	"github.com/doorstep-dev/doorstep/sync/fault"
)

// owning is an installation for what needs the database's owner. Only these commands know the owner's login: a server
// that is broken into has nothing of it.
type owning struct {
	installation
	OwnerDatabaseURL string `name:"owner-database-url" env:"DOORSTEP_OWNER_DATABASE_URL" placeholder:"URL" group:"What to work on:" help:"The same database by the login that owns its tables, for example postgres://doorstep_owner:…@db/doorstep. Servers never need it."`
}

// databases gives fn the database's URLs, as its owner and as the servers sign in. server is empty where nobody gave
// it.
func (o owning) databases(ctx context.Context, c Console, fn func(owner, server string) error) error {
	switch {
	case o.OwnerDatabaseURL != "":
		return fn(o.OwnerDatabaseURL, o.DatabaseURL)
	case o.DatabaseURL != "":
		return fault.New(fault.ConfigInvalid, "%s", pick(c,
			"DOORSTEP_OWNER_DATABASE_URL: give the login that owns the database's tables. DOORSTEP_DATABASE_URL is the "+
				"servers', which own nothing (docs/OPERATIONS.md, Two logins)",
			"DOORSTEP_OWNER_DATABASE_URL：请填写拥有数据表的登录账号。DOORSTEP_DATABASE_URL 是服务器使用的账号，它不拥有任何表（见 docs/OPERATIONS.md）"))
	}
	services, err := o.open(ctx, c, "")
	if err != nil {
		return err
	}
	return errors.Join(fn(services.ownerURL, services.config.DatabaseURL), services.stop(context.WithoutCancel(ctx)))
}
