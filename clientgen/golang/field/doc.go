// Package field is the trade's Go client: tables of the entities, mutators and their effects, made from the
// annotations in proto/ (*.gen.go), and by hand what annotations cannot say: a clerk's scan, how files go up, where
// the keys of receipts stand.
package field
