// Package strangers builds and runs a program of somebody else, in a module of its own, on what this module exports.
package strangers
