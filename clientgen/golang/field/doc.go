// Package field is the trade's part of the Go client: how the entities of doorstep.field.v1 are read, what the
// mutations of a technician or a clerk will most likely do to them before the server has answered (the effects),
// how files go up, and where the keys of receipts stand. Effects are pure functions over the view.
package field
