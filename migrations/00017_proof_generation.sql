-- Each attempt to send a photo's original has an object of its own, so that what is removed is never what came since.

-- +goose Up
-- Of which attempt the original is or will be; 0 is the object that rows of before have.
ALTER TABLE proof ADD COLUMN generation integer NOT NULL DEFAULT 0;
-- A server that does not know of generations looks at the object of generation 0. It must not verify that where another
-- one counts: it does not write this column, and the check refuses.
ALTER TABLE proof ADD COLUMN verified_generation integer NOT NULL DEFAULT 0;
-- All rows that are there hold it, both columns being 0: no need to read the table.
ALTER TABLE proof ADD CONSTRAINT proof_generation_check CHECK (state <> 3 OR verified_generation = generation) NOT VALID;

-- +goose Down
ALTER TABLE proof DROP COLUMN verified_generation, DROP COLUMN generation;
