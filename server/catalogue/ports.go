package catalogue

import (
	"context"

	fieldv1 "github.com/doorstep-dev/doorstep/proto/doorstep/field/v1"
	"github.com/doorstep-dev/doorstep/sync/postgres"
)

// Company is what Catalogue needs to know of a company.
type Company interface {
	// Currency is the company's, by its ISO 4217 code.
	Currency(ctx context.Context, tx *postgres.Tx) (string, error)
}

// Templates keeps checklists and reasons. CatalogueService serves them; Catalogue itself does not call them.
type Templates interface {
	PutTemplate(ctx context.Context, tx *postgres.Tx, t *fieldv1.Template) (*fieldv1.Template, error)
	ListTemplates(ctx context.Context, tx *postgres.Tx) ([]*fieldv1.Template, error)
	PutReason(ctx context.Context, tx *postgres.Tx, r *fieldv1.Reason) (*fieldv1.Reason, error)
	ListReasons(ctx context.Context, tx *postgres.Tx) ([]*fieldv1.Reason, error)
}
