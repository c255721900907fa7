package explain

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/doorstep-dev/doorstep/server/identity"
	"github.com/doorstep-dev/doorstep/sync/change"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// What Explainer asks of the rooms below it.

// People answers about people, their teams and their phones.
type People interface {
	// FindPerson finds somebody by what people call them, or by a device of theirs, which is returned, too; among those
	// only whom the caller sees.
	FindPerson(ctx context.Context, tx *postgres.Tx, text string, sees func(user uuid.UUID) (bool, error)) (
		p Person, device uuid.UUID, err error)
	// Phones lists the devices of a user, youngest first, or the one with the given id.
	Phones(ctx context.Context, tx *postgres.Tx, user, device uuid.UUID) ([]Phone, error)
	// NameOf is a person's name, empty for nobody known.
	NameOf(ctx context.Context, tx *postgres.Tx, user change.User) (string, error)
	// Oversees returns whether a user shows within a reach.
	Oversees(ctx context.Context, tx *postgres.Tx, reach identity.Reach) (func(user uuid.UUID) (bool, error), error)
	// TeamName is a team's name.
	TeamName(ctx context.Context, tx *postgres.Tx, team uuid.UUID) (string, error)
	// LeftTeam is when somebody left a team; zero for who never was in it or is still.
	LeftTeam(ctx context.Context, tx *postgres.Tx, user, team uuid.UUID) (time.Time, error)
}

// Tickets answers about tickets.
type Tickets interface {
	// Job reads a ticket.
	Job(ctx context.Context, tx *postgres.Tx, id uuid.UUID) (Job, error)
	// ByNumber finds a ticket's id by its number for people.
	ByNumber(ctx context.Context, tx *postgres.Tx, number string) (uuid.UUID, error)
	// Reaches reports whether a ticket lies within a reach.
	Reaches(ctx context.Context, tx *postgres.Tx, reach identity.Reach, id uuid.UUID) (bool, error)
}

// Codes answers about printed codes.
type Codes interface {
	// TicketOf finds the ticket of a code that stands on it or on its unit; NotFound when there is none.
	TicketOf(ctx context.Context, tx *postgres.Tx, text string) (uuid.UUID, error)
}
