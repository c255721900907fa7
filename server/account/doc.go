// Package account is about who is who in a company: orgs, regions, teams, shops, users with roles, technicians'
// profiles, devices, and the secrets by which they get in. Its rules (tokens, rotation, passwords, codes) are
// pure functions; the rest is their SQL and their Connect handlers.
//
// Other rooms ask it for technicians and places through the functions at Directory; they read no table of it.
package account
