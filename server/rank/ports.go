package rank

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// People is what Boards needs of who stands on them. It calls no board back: see the order of rooms in
// docs/ARCHITECTURE.md.
type People interface {
	// Place returns where a technician belongs; the zero Place for who is unknown.
	Place(ctx context.Context, tx *postgres.Tx, payee uuid.UUID) (Place, error)
	// Peers returns how technicians are shown; who is unknown is left out.
	Peers(ctx context.Context, tx *postgres.Tx, payees []uuid.UUID) (map[uuid.UUID]Peer, error)
	// Zone is the company's time zone, which decides days, weeks and months.
	Zone(ctx context.Context, tx *postgres.Tx) (*time.Location, error)
	// Companies lists all companies.
	Companies(ctx context.Context) ([]uuid.UUID, error)
}

// Place is where a technician belongs: among whom they rank.
type Place struct {
	Teams  []uuid.UUID
	Region uuid.UUID
}

// Peer is how a technician is shown to others.
type Peer struct {
	Name string
	// Alias stands instead of the name for peers, when set.
	Alias  string
	Region uuid.UUID
}
