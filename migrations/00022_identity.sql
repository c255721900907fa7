-- Order numbers, customers' numbers, SKUs and models are kept in one form, however they were written (decision 29).

-- +goose Up

-- The form of server/order/parse.Identity; null for a number that a spreadsheet has shortened. A test compares the two.
-- It stays, for it shows which rows could not be brought to their form: see docs/OPERATIONS.md.
-- +goose StatementBegin
CREATE FUNCTION identity_of(s text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT SET search_path = pg_catalog AS $$
DECLARE
    before text;
    m text[];
BEGIN
    IF s ~ '^[A-Za-z0-9_/:-]*$' THEN
        RETURN s; -- nearly all
    END IF;
    LOOP
        before := s;
        FOR turn IN 1..2 LOOP
            s := translate(s, (SELECT string_agg(chr(65281 + i), '' ORDER BY i) FROM generate_series(0, 93) i),
                (SELECT string_agg(chr(33 + i), '' ORDER BY i) FROM generate_series(0, 93) i));
            s := regexp_replace(s, '[\u3000\u00a0\u2009\u202f]', ' ', 'g');
            s := regexp_replace(s, '[\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\u00ad\ufeff]', '', 'g');
            s := regexp_replace(s, '^[\u0009-\u000d\u0020\u0085\u1680\u2000-\u200a\u2028\u2029\u205f]+', '');
            s := regexp_replace(s, '[\u0009-\u000d\u0020\u0085\u1680\u2000-\u200a\u2028\u2029\u205f]+$', '');
            IF turn = 1 AND length(s) >= 3 AND left(s, 2) = '="' AND right(s, 1) = '"' THEN
                s := substr(s, 3, length(s) - 3);
            ELSIF turn = 1 AND left(s, 1) = '''' AND length(s) > 1 AND strpos(substr(s, 2), '''') = 0 THEN
                s := substr(s, 2);
            END IF;
        END LOOP;
        IF s ~ '^[0-9]+\.0+$' THEN
            s := split_part(s, '.', 1);
        ELSE
            m := regexp_match(s, '^([0-9])(?:\.([0-9]+)[Ee]\+?|[Ee]\+)([0-9]{1,3})$');
            IF m IS NOT NULL THEN
                IF m[3]::integer <> length(coalesce(m[2], '')) THEN
                    RETURN NULL;
                END IF;
                s := m[1] || coalesce(m[2], '');
            END IF;
        END IF;
        EXIT WHEN s = before;
    END LOOP;
    RETURN s;
END
$$;
-- +goose StatementEnd

ALTER TABLE purchase NO FORCE ROW LEVEL SECURITY;
ALTER TABLE customer NO FORCE ROW LEVEL SECURITY;
ALTER TABLE product NO FORCE ROW LEVEL SECURITY;
ALTER TABLE price_item NO FORCE ROW LEVEL SECURITY;

-- Of several rows that come to one key the one that is written so already has it, else the oldest. The others stay as
-- they are: nothing is lost or merged, and the migration says how many they are.

-- Behind a separator a number may name the shop that took it: that part is nobody's writing.
WITH keyed AS (
    SELECT org_id, id, source, number, identity_of(split_part(number, E'\x1f', 1)) || substr(number, length(split_part(number, E'\x1f', 1)) + 1) AS key
    FROM purchase
), chosen AS (
    SELECT org_id, id, number, key, row_number() OVER (PARTITION BY org_id, source, key ORDER BY (number = key) DESC, id) AS n FROM keyed WHERE key <> ''
)
UPDATE purchase p SET number = c.key FROM chosen c
WHERE p.org_id = c.org_id AND p.id = c.id AND c.n = 1 AND c.number <> c.key;

WITH keyed AS (
    SELECT org_id, id, source, ref, phone_hash, identity_of(ref) AS key FROM customer WHERE ref <> ''
), chosen AS (
    -- Customers with a phone number are found by it, and may share a reference.
    SELECT org_id, id, ref, key, phone_hash,
        row_number() OVER (PARTITION BY org_id, source, key, phone_hash IS NULL ORDER BY (ref = key) DESC, id) AS n FROM keyed WHERE key <> ''
)
UPDATE customer p SET ref = c.key FROM chosen c
WHERE p.org_id = c.org_id AND p.id = c.id AND (c.n = 1 OR c.phone_hash IS NOT NULL) AND c.ref <> c.key;

WITH keyed AS (
    SELECT org_id, id, sku, identity_of(sku) AS key FROM product
), chosen AS (
    SELECT org_id, id, sku, key, row_number() OVER (PARTITION BY org_id, key ORDER BY (sku = key) DESC, id) AS n FROM keyed WHERE key <> ''
)
UPDATE product p SET sku = c.key FROM chosen c
WHERE p.org_id = c.org_id AND p.id = c.id AND c.n = 1 AND c.sku <> c.key;

UPDATE product SET model = identity_of(model) WHERE identity_of(model) <> model;

WITH keyed AS (
    SELECT org_id, id, kind, sku, identity_of(sku) AS key FROM price_item
), chosen AS (
    SELECT org_id, id, sku, key, row_number() OVER (PARTITION BY org_id, kind, key ORDER BY (sku = key) DESC, id) AS n FROM keyed WHERE key <> ''
)
UPDATE price_item p SET sku = c.key FROM chosen c
WHERE p.org_id = c.org_id AND p.id = c.id AND c.n = 1 AND c.sku <> c.key;

-- +goose StatementBegin
DO $$
DECLARE
    left_over bigint;
BEGIN
    SELECT count(*) INTO left_over FROM (
        SELECT FROM purchase WHERE identity_of(split_part(number, E'\x1f', 1)) IS DISTINCT FROM split_part(number, E'\x1f', 1)
        UNION ALL SELECT FROM customer WHERE identity_of(ref) IS DISTINCT FROM ref
        UNION ALL SELECT FROM product WHERE identity_of(sku) IS DISTINCT FROM sku
        UNION ALL SELECT FROM price_item WHERE identity_of(sku) IS DISTINCT FROM sku) rows;
    IF left_over > 0 THEN
        RAISE WARNING '% rows keep their number or SKU as it was written, for another row has its plain form or its digits are gone; docs/OPERATIONS.md shows how to list them', left_over;
    END IF;
END
$$;
-- +goose StatementEnd

ALTER TABLE purchase FORCE ROW LEVEL SECURITY;
ALTER TABLE customer FORCE ROW LEVEL SECURITY;
ALTER TABLE product FORCE ROW LEVEL SECURITY;
ALTER TABLE price_item FORCE ROW LEVEL SECURITY;

-- A refused line has all its reasons, in the order in which they were found, and the order's number as the file writes it.
ALTER TABLE import_refusal ADD COLUMN place integer NOT NULL DEFAULT 1 CHECK (place > 0);
ALTER TABLE import_refusal ADD COLUMN order_number text NOT NULL DEFAULT '';
ALTER TABLE import_refusal DROP CONSTRAINT import_refusal_pkey;
ALTER TABLE import_refusal ADD PRIMARY KEY (org_id, run_id, line, place);

-- +goose Down
ALTER TABLE import_refusal NO FORCE ROW LEVEL SECURITY;
DELETE FROM import_refusal WHERE place > 1;
ALTER TABLE import_refusal FORCE ROW LEVEL SECURITY;
ALTER TABLE import_refusal DROP CONSTRAINT import_refusal_pkey;
ALTER TABLE import_refusal ADD PRIMARY KEY (org_id, run_id, line);
ALTER TABLE import_refusal DROP COLUMN order_number;
ALTER TABLE import_refusal DROP COLUMN place;
-- How things were written before is not known any more; the plain forms are right for the older program too.
DROP FUNCTION identity_of(text);
