// Package phone is a technician's or a clerk's phone in the terminal: `doorstep phone`. It stands on the Go client
// (clientgen/golang) alone and knows of the server what any phone knows: the wire. What is done is saved in the
// phone's folder first and says so; what the office has taken in says so with its receipt.
//
// One folder is one phone. Two phones side by side are two folders:
//
//	doorstep phone --dir li enrol ABCD-EFGH-J --server http://localhost:8080
//	doorstep phone --dir wang enrol …
package phone
