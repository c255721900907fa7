// Package process is what the services of a demo need of the operating system: signals, accounts, room on a disk. The
// services run on Linux and macOS. Windows builds everything and serves with a database and a store that run elsewhere;
// there Supported says why the services do not start.
package process
