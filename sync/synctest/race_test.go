//go:build race

package synctest_test

// seedsPerTest is less with the race detector, which is ten times as slow.
const seedsPerTest = 120
