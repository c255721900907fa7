package command

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/doorstep-dev/doorstep/server/account"
	"github.com/doorstep-dev/doorstep/server/app"
	"github.com/doorstep-dev/doorstep/server/local"
	"github.com/doorstep-dev/doorstep/server/local/failure"
	"github.com/doorstep-dev/doorstep/sync/fault"
)

// installation says which database, object store and secret to work on. Without a database URL it is the
// embedded one of the data folder: the running one if there is one, else one that is started for the command.
type installation struct {
	DatabaseURL string `name:"database-url" env:"DOORSTEP_DATABASE_URL" placeholder:"URL" group:"What to work on:" help:"PostgreSQL 15 or newer, by the server's own login, for example postgres://doorstep_server:…@db/doorstep. Without it, an embedded PostgreSQL in the data folder."`

	S3Endpoint       string `name:"s3-endpoint" env:"DOORSTEP_S3_ENDPOINT" placeholder:"HOST:PORT" group:"What to work on:" help:"S3 store as the server reaches it; https:// in front switches TLS on. Without it, an embedded store."`
	S3PublicEndpoint string `name:"s3-public-endpoint" env:"DOORSTEP_S3_PUBLIC_ENDPOINT" placeholder:"HOST:PORT" group:"What to work on:" help:"The same as phones reach it, where that differs."`
	S3Bucket         string `name:"s3-bucket" env:"DOORSTEP_S3_BUCKET" default:"doorstep" group:"What to work on:" help:"Bucket for photos and signatures (${default})."`
	S3Region         string `name:"s3-region" env:"DOORSTEP_S3_REGION" default:"us-east-1" group:"What to work on:" help:"Region of the bucket (${default})."`
	S3AccessKey      string `name:"s3-access-key" env:"DOORSTEP_S3_ACCESS_KEY" placeholder:"KEY" group:"What to work on:" help:"Access key; better given by the environment."`
	S3SecretKey      string `name:"s3-secret-key" env:"DOORSTEP_S3_SECRET_KEY" placeholder:"KEY" group:"What to work on:" help:"Secret key; better given by the environment."`

	SecretFile string `name:"secret-file" env:"DOORSTEP_SECRET_FILE" placeholder:"FILE" type:"path" group:"What to work on:" help:"The installation's root secret, made by: doorstep admin secret FILE. The same on all replicas, for ever. Embedded: made in the data folder."`
	Data       string `name:"data" env:"DOORSTEP_DATA" default:".doorstep" type:"path" group:"What to work on:" help:"Folder of the embedded services (.doorstep)."`
}

// opened is an installation with its services running.
type opened struct {
	config app.Config
	// failed yields an error when an embedded service ends by itself; nil for external ones.
	failed <-chan error
	// stop ends what open started; never nil.
	stop func(context.Context) error
	// embedded says that this command started the services.
	embedded bool
	// storePort is the embedded store's port.
	storePort int
	// ownerURL reaches an embedded database as its owner.
	ownerURL string
}

// open finds or starts the services. storeHost is where an embedded object store listens; "" for this machine
// only.
func (i installation) open(ctx context.Context, c Console, storeHost string) (opened, error) {
	if i.DatabaseURL != "" {
		return i.external()
	}
	if i.S3Endpoint != "" {
		return opened{}, fault.New(fault.ConfigInvalid,
			"DOORSTEP_S3_ENDPOINT is given and DOORSTEP_DATABASE_URL is not: give both or none")
	}
	if err := os.MkdirAll(i.Data, 0o711); err != nil {
		return opened{}, fault.Wrap(err, failure.Folder, "%s", i.Data)
	}
	secret, err := i.secret(filepath.Join(i.Data, "secret"), true)
	if err != nil {
		return opened{}, err
	}
	if o, ok := i.running(ctx, secret); ok {
		return o, nil
	}
	return i.start(ctx, c, secret, storeHost)
}

func (i installation) external() (opened, error) {
	secret, err := i.secret("", false)
	if err != nil {
		return opened{}, err
	}
	return opened{
		stop: func(context.Context) error { return nil },
		config: app.Config{
			DatabaseURL: i.DatabaseURL, Secret: secret,
			Objects: app.Objects{
				Endpoint: i.S3Endpoint, PublicEndpoint: i.S3PublicEndpoint, Bucket: i.S3Bucket, Region: i.S3Region,
				AccessKey: i.S3AccessKey, SecretKey: i.S3SecretKey,
			},
		},
	}, nil
}

// runState is what a process with embedded services leaves in the data folder for other commands.
type runState struct {
	DatabaseURL string      `json:"database_url"`
	OwnerURL    string      `json:"owner_database_url"`
	Objects     app.Objects `json:"objects"`
	StorePort   int         `json:"store_port"`
	PublicURL   string      `json:"public_url,omitempty"`
}

func (i installation) runFile() string { return filepath.Join(i.Data, "running.json") }

// running finds embedded services that another process has started and that answer.
func (i installation) running(ctx context.Context, secret account.Secret) (opened, bool) {
	b, err := os.ReadFile(i.runFile())
	if err != nil {
		return opened{}, false
	}
	var s runState
	if json.Unmarshal(b, &s) != nil {
		return opened{}, false
	}
	conn, err := pgx.Connect(ctx, s.DatabaseURL)
	if err != nil {
		return opened{}, false // left behind by a process that was killed
	}
	_ = conn.Close(ctx) // it has answered, that is all we wanted
	return opened{
		config:    app.Config{DatabaseURL: s.DatabaseURL, Objects: s.Objects, Secret: secret, PublicURL: s.PublicURL},
		storePort: s.StorePort, ownerURL: s.OwnerURL,
		stop: func(context.Context) error { return nil },
	}, true
}

func (i installation) start(ctx context.Context, c Console, secret account.Secret, storeHost string) (opened, error) {
	s, err := local.Start(ctx, local.Config{
		Dir: i.Data, StoreHost: storeHost, Bucket: i.S3Bucket,
		Note: func(english, chinese string) { c.Say("%s", "%s", pick(c, english, chinese)) },
	})
	if err != nil {
		return opened{}, err
	}
	o := opened{embedded: true, failed: s.Failed(), storePort: s.S3.Port, ownerURL: s.OwnerURL, config: app.Config{
		DatabaseURL: s.DatabaseURL, Secret: secret,
		Objects: app.Objects{
			Endpoint: s.S3.Endpoint, PublicEndpoint: i.S3PublicEndpoint, Bucket: s.S3.Bucket, Region: s.S3.Region,
			AccessKey: s.S3.AccessKey, SecretKey: s.S3.SecretKey,
		},
	}}
	o.stop = func(ctx context.Context) error {
		err := os.Remove(i.runFile())
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return errors.Join(s.Stop(ctx), err)
	}
	if err = i.announce(o, ""); err == nil {
		// The database came into being with this folder, and this program is all that uses it.
		err = app.Migrate(ctx, o.ownerURL, o.config.DatabaseURL)
	}
	if err != nil {
		return opened{}, errors.Join(err, o.stop(context.WithoutCancel(ctx)))
	}
	return o, nil
}

// announce tells other commands of this folder where the services are, and the server when there is one.
func (i installation) announce(o opened, publicURL string) error {
	if !o.embedded {
		return nil
	}
	b, err := json.Marshal(runState{o.config.DatabaseURL, o.ownerURL, o.config.Objects, o.storePort, publicURL})
	if err == nil {
		err = os.WriteFile(i.runFile(), b, 0o600)
	}
	if err != nil {
		return fault.Wrap(err, failure.Folder, "%s", i.runFile())
	}
	return nil
}

// secret reads the root secret: the file given, else the one at standard, which is made when missing and may.
func (i installation) secret(standard string, may bool) (account.Secret, error) {
	path := i.SecretFile
	if path == "" {
		path = standard
	}
	if path == "" {
		return account.Secret{}, fault.New(fault.ConfigInvalid,
			"DOORSTEP_SECRET_FILE: make one with: doorstep admin secret FILE")
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && may && i.SecretFile == "" {
		return writeSecret(path)
	}
	if err != nil {
		return account.Secret{}, fault.Wrap(err, fault.ConfigInvalid, "secret file: %v", err)
	}
	raw, err := hex.DecodeString(strings.TrimSpace(string(b)))
	if err != nil {
		raw = b // any other bytes, for example of a secret store
	}
	return account.ParseSecret(raw)
}

// writeSecret makes a root secret in a file that only its owner reads; one that exists is never overwritten.
func writeSecret(path string) (account.Secret, error) {
	s := account.NewSecret()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return s, fault.Wrap(err, fault.ConfigInvalid, "secret file: %v", err)
	}
	_, err = fmt.Fprintf(f, "%s\n", hex.EncodeToString(s[:]))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return s, fault.Wrap(err, failure.Folder, "%s", path)
	}
	return s, nil
}
