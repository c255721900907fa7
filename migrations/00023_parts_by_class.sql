-- A part or a surcharge may be for some classes of products only.

-- +goose Up
-- The classes that the item is for; empty is every class. The catalogue checks that they exist when it writes them, and a
-- class is never deleted.
ALTER TABLE price_item ADD COLUMN class_ids uuid[] NOT NULL DEFAULT '{}';

-- +goose Down
ALTER TABLE price_item DROP COLUMN class_ids;
