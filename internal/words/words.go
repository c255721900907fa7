// Package words helps to write sentences for people.
package words

import "strconv"

// Count is a number of things in English: 1 file, 2 files. one is the singular of a noun that takes an s.
func Count(n int, one string) string {
	if n != 1 {
		one += "s"
	}
	return strconv.Itoa(n) + " " + one
}
