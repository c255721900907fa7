// Package meter is the client of the sample trade, as the generator writes it. It shows that nothing of the
// generator is bound to tickets, and holds everything that annotations can say against what it should do.
package meter
