package command

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/app"
	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/fault"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

type admin struct {
	Org      adminOrg      `cmd:"" help:"Companies: add, set, list."`
	User     adminUser     `cmd:"" help:"People: add, list, disable, enable."`
	Place    adminPlace    `cmd:"" help:"Regions, teams and shops: add, list."`
	Device   adminDevice   `cmd:"" help:"Devices: how one is doing, list."`
	Why      adminWhy      `cmd:"" help:"Why a person's phones have or lack a ticket."`
	Parked   adminParked   `cmd:"" help:"Work that waits for a decision: list, show, edit, replay, dismiss."`
	Ticket   adminTicket   `cmd:"" help:"Tickets: list, fill in the contact, mark a no-show."`
	Customer adminCustomer `cmd:"" help:"What was said of customers beside their records: list, accept, dismiss."`
	Enrol    adminEnrol    `cmd:"" name:"enrol-code" help:"A one-time code for a person's next phone."`
	Revoke   adminRevoke   `cmd:"" help:"Take a device out of service."`
	Key      adminKey      `cmd:"" name:"rotate-key" help:"Begin a new signing key."`
	Secret   adminSecret   `cmd:"" help:"Make the installation's root secret."`

	Restored   adminRestored   `cmd:"" help:"Say that the database was restored from a backup."`
	Distribute adminDistribute `cmd:"" help:"Spread the companies' tables over the nodes of a Citus cluster."`
	Collect    adminCollect    `cmd:"" help:"Take what is old off phones, and collect old tombstones, now."`
	Rebuild    adminRebuild    `cmd:"" name:"rebuild-feeds" help:"Show phones everything as the tables and this program have it."`
	Verify     adminVerify     `cmd:"" name:"verify-feeds" help:"Compare what phones are shown with the tables."`
}

// during opens the rooms of an installation for fn alone.
func (i installation) during(ctx context.Context, c Console, fn func(app.Rooms) error) error {
	o, err := i.open(ctx, c, "")
	if err != nil {
		return err
	}
	stop := func() error {
		down, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		return o.stop(down)
	}
	a, err := app.Open(ctx, o.config)
	if err != nil {
		return errors.Join(err, stop())
	}
	err = fn(a.Rooms)
	return errors.Join(err, a.Close(context.WithoutCancel(ctx)), stop())
}

// accounts opens the account room of an installation for fn.
func (i installation) accounts(ctx context.Context, c Console, fn func(*account.Accounts) error) error {
	return i.during(ctx, c, func(r app.Rooms) error { return fn(r.Account) })
}

// within opens the account room and a transaction of the org with the short name.
func (i installation) within(
	ctx context.Context, c Console, slug string, fn func(*account.Accounts, *postgres.Tx) error,
) error {
	return i.accounts(ctx, c, func(r *account.Accounts) error {
		org, err := orgOf(ctx, r, slug)
		if err != nil {
			return err
		}
		return r.Store.Transact(ctx, change.Org(org.ID), func(tx *postgres.Tx) error { return fn(r, tx) })
	})
}

func orgOf(ctx context.Context, r *account.Accounts, slug string) (account.Org, error) {
	org, err := r.OrgBySlug(ctx, slug)
	if fault.CodeOf(err) == fault.NotFound {
		return org, fault.Wrap(err, fault.NotFound, "company %s; doorstep admin org list shows them all", slug)
	}
	return org, err
}

type adminOrg struct {
	Add  orgAdd  `cmd:"" help:"Add a company with its first administrator."`
	Set  orgSet  `cmd:"" help:"Change a company's settings."`
	List orgList `cmd:"" help:"List companies."`
}

type orgAdd struct {
	installation
	Slug     string `arg:"" help:"Short name, for signing in: a-z, 0-9, -."`
	Name     string `arg:"" help:"Name in Chinese."`
	English  string `help:"Name in English."`
	Zone     string `default:"Asia/Shanghai" help:"Time zone (${default})."`
	Currency string `default:"CNY" help:"Currency (${default})."`
	Admin    string `default:"admin" help:"Login of the first administrator (${default})."`
	Password string `env:"DOORSTEP_ADMIN_PASSWORD" placeholder:"WORDS" help:"The administrator's password; better given by the environment DOORSTEP_ADMIN_PASSWORD."`
}

// Help is shown by doorstep admin org add --help.
func (orgAdd) Help() string {
	return `  DOORSTEP_ADMIN_PASSWORD='long words here' doorstep admin org add acme 上门家居 --english "Acme Home"`
}

// Run adds the org.
func (a *orgAdd) Run(ctx context.Context, c Console) error {
	zone, err := time.LoadLocation(a.Zone)
	if err != nil {
		return fault.Wrap(err, fault.InvalidArgument, "time zone %s", a.Zone)
	}
	if a.Password == "" {
		return fault.New(fault.ConfigInvalid,
			"DOORSTEP_ADMIN_PASSWORD: the first administrator needs a password of 10 characters at least")
	}
	return a.accounts(ctx, c, func(r *account.Accounts) error {
		org, err := r.CreateOrg(ctx,
			account.Org{Slug: a.Slug, NameZH: a.Name, NameEN: a.English, Zone: zone, Currency: strings.ToUpper(a.Currency)})
		if err != nil {
			return err
		}
		err = r.Store.Transact(ctx, change.Org(org.ID), func(tx *postgres.Tx) error {
			_, err := r.PutUser(ctx, tx, account.User{
				Login: a.Admin, NameZH: "管理员", NameEN: "Administrator",
				Grants: []identity.Grant{{Role: identity.Admin, Scope: identity.ScopeOrg}},
			}, a.Password)
			return err
		})
		if err != nil {
			return err
		}
		c.Say("Company %s is there; %s signs in to it with the password given.",
			"公司 %s 已建立，管理员 %s 可用所设密码登录。", org.Slug, a.Admin)
		return nil
	})
}

type orgList struct{ installation }

// Help is shown by --help.
func (orgList) Help() string { return "  doorstep admin org list" }

// Run lists orgs.
func (l *orgList) Run(ctx context.Context, c Console) error {
	return l.accounts(ctx, c, func(r *account.Accounts) error {
		orgs, err := r.Orgs(ctx)
		if err != nil {
			return err
		}
		return table(c, func(row func(...any)) {
			row(columns(c, "company", "公司", "name", "名称", "English name", "英文名", "time zone", "时区", "currency",
				"币种", "id", "编号")...)
			for _, o := range orgs {
				row(o.Slug, o.NameZH, o.NameEN, o.Zone, o.Currency, o.ID)
			}
		})
	})
}

type adminUser struct {
	Add     userAdd     `cmd:"" help:"Add a person, or change one."`
	List    userList    `cmd:"" help:"List people."`
	Disable userDisable `cmd:"" help:"End a person's access; unsent work of their phones is still taken in."`
	Enable  userEnable  `cmd:"" help:"Give it back."`
}

type userAdd struct {
	installation
	Org      string   `arg:"" help:"Company."`
	Login    string   `arg:"" help:"Login name; one that exists is changed."`
	Name     string   `arg:"" help:"Name."`
	English  string   `help:"Name in English."`
	Role     []string `placeholder:"ROLE[:PLACE]" help:"What they may do and where, for example admin, dispatcher:华北, clerk:国贸店, technician:华北."`
	Team     []string `help:"Of a technician: teams."`
	Skill    []string `help:"Of a technician: skills."`
	Badge    string   `help:"Of a technician: number on the badge."`
	Capacity int      `default:"6" help:"Of a technician: visits a day (${default})."`
	Password string   `env:"DOORSTEP_USER_PASSWORD" placeholder:"WORDS" help:"For the console; phones need none."`
}

// Help is shown by doorstep admin user add --help.
func (userAdd) Help() string {
	return `  doorstep admin user add acme li 李师傅 --role technician:华北 --team 朝阳一组 --skill water_heater --badge A017
  doorstep admin user add acme wang 王店长 --role clerk:国贸店
  doorstep admin enrol-code acme li             then lets a phone in`
}

// Run adds or changes a user.
func (a *userAdd) Run(ctx context.Context, c Console) error {
	return a.within(ctx, c, a.Org, func(r *account.Accounts, tx *postgres.Tx) error {
		places, err := r.Places(ctx, tx)
		if err != nil {
			return err
		}
		u, err := r.UserByLogin(ctx, tx, a.Login)
		if err != nil && fault.CodeOf(err) != fault.NotFound {
			return err
		}
		u.Login, u.NameZH, u.NameEN, u.Grants, u.Technician = a.Login, a.Name, a.English, nil, nil
		for _, role := range a.Role {
			if err := a.grant(&u, role, places); err != nil {
				return err
			}
		}
		if u, err = r.PutUser(ctx, tx, u, a.Password); err != nil {
			return err
		}
		tx.AfterCommit(func() { c.Say("%s (%s) is in.", "%s（%s）已保存。", u.NameZH, u.Login) })
		return nil
	})
}

func (a *userAdd) grant(u *account.User, text string, places []account.Place) error {
	role, where, _ := strings.Cut(text, ":")
	g := identity.Grant{Role: identity.Role(role), Scope: identity.ScopeOrg}
	if !slices.Contains(identity.Roles(), g.Role) {
		return fault.New(fault.InvalidArgument, "--role %.100s: one of %s", role, roleNames())
	}
	if where != "" {
		p, err := placeNamed(places, where)
		if err != nil {
			return err
		}
		g.Scope, g.ID = p.Kind, p.ID
	}
	if g.Role == identity.Technician {
		if g.Scope != identity.ScopeRegion {
			return fault.New(fault.InvalidArgument, "a technician needs a region: technician:REGION")
		}
		t := &account.Technician{Region: g.ID, Skills: a.Skill, Badge: a.Badge, DailyCapacity: a.Capacity}
		for _, name := range a.Team {
			p, err := placeNamed(places, name)
			if err != nil {
				return err
			}
			t.Teams = append(t.Teams, p.ID)
		}
		u.Technician = t
		g.Scope, g.ID = identity.ScopeSelf, uuid.Nil
	}
	u.Grants = append(u.Grants, g)
	return nil
}

// placeNamed finds a region, team or shop by its name in either language, or by its id; kinds narrow it down. None is
// NotFound, several of one name are InvalidArgument.
func placeNamed(places []account.Place, name string, kinds ...identity.ScopeKind) (account.Place, error) {
	var found []account.Place
	for _, p := range places {
		if len(kinds) > 0 && !slices.Contains(kinds, p.Kind) {
			continue
		}
		if p.NameZH == name || strings.EqualFold(p.NameEN, name) && name != "" || p.ID.String() == name {
			found = append(found, p)
		}
	}
	switch len(found) {
	case 0:
		return account.Place{}, fault.New(fault.NotFound, "region, team or shop %s; doorstep admin place list shows them all",
			name)
	case 1:
		return found[0], nil
	}
	return account.Place{}, fault.New(fault.InvalidArgument,
		"several places are called %s: give the id, doorstep admin place list shows it", name)
}

type userList struct {
	installation
	Org string `arg:"" help:"Company."`
}

// Help is shown by --help.
func (userList) Help() string { return "  doorstep admin user list acme" }

// Run lists users.
func (l *userList) Run(ctx context.Context, c Console) error {
	return l.within(ctx, c, l.Org, func(r *account.Accounts, tx *postgres.Tx) error {
		users, err := r.Users(ctx, tx, uuid.Nil, 100_000)
		if err != nil {
			return err
		}
		slices.SortStableFunc(users, func(a, b account.User) int { return strings.Compare(a.Login, b.Login) })
		places, err := placeNames(ctx, r, tx)
		if err != nil {
			return err
		}
		return table(c, func(row func(...any)) {
			row(columns(c, "login", "账号", "name", "姓名", "may do, and where", "权限与范围", "teams", "班组", "state",
				"状态", "id", "编号")...)
			for _, u := range users {
				state := ""
				if u.Disabled {
					state = pick(c, "disabled", "已停用")
				}
				row(u.Login, u.NameZH, strings.Join(rolesOf(u, places), ", "), strings.Join(teamsOf(u, places), ", "), state, u.ID)
			}
		})
	})
}

// placeNames are the names of a company's regions, teams and shops.
func placeNames(ctx context.Context, r *account.Accounts, tx *postgres.Tx) (map[uuid.UUID]string, error) {
	places, err := r.Places(ctx, tx)
	if err != nil {
		return nil, err
	}
	names := make(map[uuid.UUID]string, len(places))
	for _, p := range places {
		names[p.ID] = p.NameZH
	}
	return names, nil
}

// rolesOf writes a person's grants as user add takes them: admin, clerk:国贸店, technician:华北.
func rolesOf(u account.User, places map[uuid.UUID]string) []string {
	var out []string
	for _, g := range u.Grants {
		text, place := string(g.Role), g.ID
		if g.Scope == identity.ScopeSelf && u.Technician != nil {
			place = u.Technician.Region
		}
		if place != uuid.Nil {
			text += ":" + places[place]
		}
		out = append(out, text)
	}
	return out
}

// teamsOf names the teams of a technician.
func teamsOf(u account.User, places map[uuid.UUID]string) []string {
	if u.Technician == nil {
		return nil
	}
	var out []string
	for _, team := range u.Technician.Teams {
		out = append(out, places[team])
	}
	return out
}

type userSwitch struct {
	installation
	Org  string `arg:"" help:"Company."`
	User string `arg:"" help:"Login, name or badge."`
}

func (s *userSwitch) set(ctx context.Context, c Console, disabled bool) error {
	return s.within(ctx, c, s.Org, func(r *account.Accounts, tx *postgres.Tx) error {
		u, _, err := r.FindUser(ctx, tx, s.User, nil)
		if err != nil {
			return err
		}
		u.Disabled = disabled
		_, err = r.PutUser(ctx, tx, u, "")
		return err
	})
}

type userDisable struct{ userSwitch }

// Help is shown by --help.
func (userDisable) Help() string { return "  doorstep admin user disable acme li" }

// Run disables.
func (s *userDisable) Run(ctx context.Context, c Console) error { return s.set(ctx, c, true) }

type userEnable struct{ userSwitch }

// Help is shown by --help.
func (userEnable) Help() string { return "  doorstep admin user enable acme li" }

// Run enables.
func (s *userEnable) Run(ctx context.Context, c Console) error { return s.set(ctx, c, false) }

type adminDevice struct {
	Show deviceShow `cmd:"" default:"withargs" help:"How a device is doing, and what became of what it sent."`
	List deviceList `cmd:"" help:"List devices."`
}

type deviceList struct {
	installation
	Org string `arg:"" help:"Company."`
}

// Help is shown by --help.
func (deviceList) Help() string { return "  doorstep admin device list acme" }

// Run lists devices.
func (l *deviceList) Run(ctx context.Context, c Console) error {
	return l.within(ctx, c, l.Org, func(r *account.Accounts, tx *postgres.Tx) error {
		devices, err := r.Devices(ctx, tx)
		if err != nil {
			return err
		}
		zone, err := r.Zone(ctx, tx)
		if err != nil {
			return err
		}
		users, err := r.Users(ctx, tx, uuid.Nil, 100_000)
		if err != nil {
			return err
		}
		owners := make(map[uuid.UUID]account.User, len(users))
		for _, u := range users {
			owners[u.ID] = u
		}
		return table(c, func(row func(...any)) {
			row(columns(c, "owner", "使用人", "login", "账号", "phone", "设备", "app", "应用", "last seen", "最近联系", "unsent", "未送达",
				"state", "状态", "id", "编号")...)
			for _, d := range devices {
				state := ""
				if d.GetRevokedAt() != nil {
					state = pick(c, "revoked", "已停用")
				}
				owner := owners[uuid.UUID(d.GetUserId())]
				row(owner.NameZH, owner.Login, d.GetName(), d.GetAppVersion(), when(d.GetLastSeenAt(), zone), d.GetUnsent(), state,
					uuid.UUID(d.GetId()))
			}
		})
	})
}

type adminEnrol struct {
	installation
	Org  string `arg:"" help:"Company."`
	User string `arg:"" help:"Login, name or badge."`
}

// Help is shown by doorstep admin enrol-code --help.
func (adminEnrol) Help() string {
	return `Prints a code that lets one phone in, once, within a day. Type it into the app, or into a
phone in the terminal.

  doorstep admin enrol-code acme li
  doorstep admin enrol-code acme 李师傅
  doorstep phone enrol ABCD-EFGH-J --server https://doorstep.example.com`
}

// Run makes a code.
func (e *adminEnrol) Run(ctx context.Context, c Console) error {
	return e.accounts(ctx, c, func(r *account.Accounts) error {
		org, err := orgOf(ctx, r, e.Org)
		if err != nil {
			return err
		}
		var user account.User
		if err := r.Store.Read(ctx, change.Org(org.ID), func(tx *postgres.Tx) (err error) {
			user, _, err = r.FindUser(ctx, tx, e.User, nil)
			return err
		}); err != nil {
			return err
		}
		code, _, err := r.NewCode(ctx, org.ID, user.ID)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(c.Out, code)
		return err
	})
}

type adminRevoke struct {
	installation
	Org    string `arg:"" help:"Company."`
	Device string `arg:"" help:"Device's id, from: doorstep admin device list ORG."`
}

// Help is shown by doorstep admin revoke --help.
func (adminRevoke) Help() string {
	return `Ends a device's access at once. When it next makes contact it is told to wipe what it holds; what it has not
sent yet is still taken in, and kept for a person to decide.

  doorstep admin revoke acme 0199e0c4-…`
}

// Run revokes.
func (a *adminRevoke) Run(ctx context.Context, c Console) error {
	device, err := uuid.Parse(a.Device)
	if err != nil {
		return fault.Wrap(err, fault.InvalidArgument, "device %s", a.Device)
	}
	return a.accounts(ctx, c, func(r *account.Accounts) error {
		org, err := orgOf(ctx, r, a.Org)
		if err != nil {
			return err
		}
		if err := r.RevokeDevice(ctx, org.ID, device, nil); err != nil {
			return err
		}
		c.Say("The device is out of service.", "设备已停用。")
		return nil
	})
}

type adminKey struct {
	installation
	Use string `arg:"" enum:"token,code,receipt" help:"What it signs: token, code or receipt."`
}

// Help is shown by doorstep admin rotate-key --help.
func (adminKey) Help() string {
	return `The new key begins to sign an hour later, so that every replica and most phones know it by then. What the
older keys signed stays good.

  doorstep admin rotate-key code`
}

// Run rotates.
func (a *adminKey) Run(ctx context.Context, c Console) error {
	return a.accounts(ctx, c, func(r *account.Accounts) error {
		if err := r.RotateKey(ctx, account.Use(a.Use)); err != nil {
			return err
		}
		c.Say("A new %s key begins to sign in an hour.", "新的 %s 密钥将在一小时后启用。", a.Use)
		return nil
	})
}

type adminSecret struct {
	File string `arg:"" type:"path" help:"File to write; one that exists stays as it is."`
}

// Help is shown by doorstep admin secret --help.
func (adminSecret) Help() string {
	return `Writes a new root secret that only the file's owner can read. Give the same file to all replicas, and keep a
copy beside your backups: without it nobody stays signed in and no code can be signed.

  doorstep admin secret /etc/doorstep/secret`
}

// Run writes the secret.
func (a *adminSecret) Run(c Console) error {
	if _, err := writeSecret(a.File); err != nil {
		return err
	}
	c.Say("A new root secret is in %s. Give every replica this file, and keep a copy beside your backups.",
		"新的根密钥已写入 %s。请分发到所有副本，并与备份一起另存一份。", a.File)
	return nil
}

// cellText keeps a cell in its place: a name typed by a stranger can neither steer the terminal nor turn the line
// around.
func cellText(cell any) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, fmt.Sprint(cell))
}

// columns are a table's column names in the terminal's language, given as English, Chinese, English, Chinese, ….
func columns(c Console, names ...string) []any {
	var out []any
	for i := 0; i+1 < len(names); i += 2 {
		out = append(out, pick(c, names[i], names[i+1]))
	}
	return out
}

// table prints aligned columns.
func table(c Console, fill func(row func(...any))) error {
	w := tabwriter.NewWriter(c.Out, 2, 4, 2, ' ', 0)
	fill(func(cells ...any) {
		for i, cell := range cells {
			if i > 0 {
				_, _ = fmt.Fprint(w, "\t") // Flush gives the error of all writes
			}
			_, _ = fmt.Fprint(w, cellText(cell))
		}
		_, _ = fmt.Fprintln(w)
	})
	return w.Flush()
}

func roleNames() string {
	names := make([]string, 0, len(identity.Roles()))
	for _, r := range identity.Roles() {
		names = append(names, string(r))
	}
	return strings.Join(names, ", ")
}
