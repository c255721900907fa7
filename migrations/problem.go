package migrations

import (
	"errors"
	"strings"
)

// Problem is something that must be put right, with what to do about it.
type Problem struct {
	English, Chinese string
	// SQL is for a database administrator to run, "" where a command of ours does it.
	SQL string
}

// Problems is an error that is made of all that is wrong.
type Problems []Problem

// Error implements error.
func (p Problems) Error() string {
	words := make([]string, len(p))
	for i, one := range p {
		words[i] = one.English
		if one.SQL != "" {
			words[i] += ": " + one.SQL
		}
	}
	return strings.Join(words, "; ")
}

// AsProblems finds Problems in an error.
func AsProblems(err error) (Problems, bool) {
	var p Problems
	return p, errors.As(err, &p)
}
