//go:build !race

package synctest_test

// seedsPerTest takes some 20 seconds on two cores.
const seedsPerTest = 3000
