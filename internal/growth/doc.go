// Package growth sees to it that no statement of the program becomes slower as a company's data grow: it runs a
// company's day, remembers every statement on tenants' tables, fills the database up, and looks at the plan that
// PostgreSQL has for each of them. It is all tests.
package growth
