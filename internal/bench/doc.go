// Command bench measures the sync engine beside the thing it is built on, both in one run: pushes beside
// pgbench with the same statements, a first sync beside COPY of the same rows, connected phones beside a bare
// handler. Storms, changes on their way and fan-out come from the phones of doorstep load. Server and load are
// processes of their own; PostgreSQL is a private one with full durability. It prints each ratio with both sides and
// writes docs/BENCHMARKS.md. Run it as `make bench`.
package main
