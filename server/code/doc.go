// Package code is the room of printed codes: the units of products, the entries of shops and the customer's view of a
// ticket. It issues, signs, prints, revokes and resolves codes, and opens a ticket from a scan at the counter. One
// printed code serves customer, clerk and technician: each sees what the role may see, and a stranger nothing.
package code
