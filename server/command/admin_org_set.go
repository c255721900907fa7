package command

import (
	"context"

	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

type orgSet struct {
	installation
	Slug         string `arg:"" help:"Company."`
	FinishedDays int    `name:"finished-days" default:"-1" placeholder:"DAYS" help:"Days that finished tickets and old notices stay on its phones, 1 to 3650; 0 for the installation's setting."`
	AutoAssign   string `name:"auto-assign" enum:",on,off" default:"" placeholder:"on|off" help:"Whether the rules assign waiting tickets by themselves."`
	Language     string `enum:",zh,en" default:"" placeholder:"zh|en" help:"What it speaks with customers of whom nobody knows better. For tickets opened from now on."`
}

// Help is shown by doorstep admin org set --help.
func (orgSet) Help() string {
	return `  doorstep admin org set acme --finished-days 30
  doorstep admin org set acme --auto-assign on
  doorstep admin org set acme --language en`
}

// Run changes the settings.
func (s *orgSet) Run(ctx context.Context, c Console) error {
	if s.FinishedDays == -1 && s.AutoAssign == "" && s.Language == "" {
		return fault.New(fault.InvalidArgument, "--finished-days, --auto-assign or --language: nothing else can be set")
	}
	return s.accounts(ctx, c, func(r *account.Accounts) error {
		org, err := orgOf(ctx, r, s.Slug)
		if err != nil {
			return err
		}
		if s.Language != "" {
			if err := r.Speak(ctx, org.ID, s.Language); err != nil {
				return err
			}
			c.Say("Set, for tickets opened from now on.", "已设置，对此后新开的工单生效。")
		}
		if s.AutoAssign != "" {
			if err := r.AssignByItself(ctx, org.ID, s.AutoAssign == "on"); err != nil {
				return err
			}
			if s.AutoAssign == "on" {
				c.Say("Waiting tickets are assigned by the rules from now on.", "待派工单将自动派单。")
			} else {
				c.Say("Waiting tickets are assigned by hand from now on.", "待派工单改为人工派单。")
			}
		}
		if s.FinishedDays == -1 {
			return nil
		}
		if err := r.KeepFinished(ctx, org.ID, s.FinishedDays); err != nil {
			return err
		}
		c.Say("Set; phones follow within the hour.", "已设置，手机将在一小时内更新。")
		return nil
	})
}
