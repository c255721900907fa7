package postgres

import (
	"errors"
	"io"
	"net"

	"github.com/jackc/pgx/v5"
)

// lost tells whether the connection broke while it was used. The commit may then have happened or not; both
// are fine, for what is repeated is found again.
func lost(err error) bool {
	var n net.Error
	return errors.As(err, &n) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, pgx.ErrTxClosed) ||
		errors.Is(err, pgx.ErrTxCommitRollback)
}
