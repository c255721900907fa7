-- What is sold and what it costs; who bought it; what was imported.

-- +goose Up

CREATE TABLE product_class (
    org_id           uuid NOT NULL,
    id               uuid NOT NULL,
    key              text NOT NULL CHECK (key ~ '^[a-z0-9_]{1,64}$'),
    name_zh          text NOT NULL,
    name_en          text NOT NULL,
    skills           text[] NOT NULL,
    -- Any version of the template; of the ticket room.
    template_id      uuid,
    duration_minutes integer NOT NULL CHECK (duration_minutes BETWEEN 0 AND 1440),
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, key)
);

CREATE TABLE product (
    org_id          uuid NOT NULL,
    id              uuid NOT NULL,
    class_id        uuid NOT NULL,
    sku             text NOT NULL CHECK (sku <> ''),
    gtin            text CHECK (gtin ~ '^[0-9]{14}$'),
    model           text NOT NULL,
    name_zh         text NOT NULL,
    name_en         text NOT NULL,
    warranty_months integer NOT NULL CHECK (warranty_months BETWEEN 0 AND 1200),
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, sku),
    UNIQUE (org_id, gtin),
    FOREIGN KEY (org_id, class_id) REFERENCES product_class
);
CREATE INDEX product_model ON product (org_id, model);
CREATE INDEX product_by_class ON product (org_id, class_id);

-- kind 1 is a part, 2 a surcharge.
CREATE TABLE price_item (
    org_id         uuid NOT NULL,
    id             uuid NOT NULL,
    kind           smallint NOT NULL CHECK (kind IN (1, 2)),
    sku            text NOT NULL CHECK (sku <> ''),
    name_zh        text NOT NULL,
    name_en        text NOT NULL,
    -- The price that phones were shown last held from then on.
    published_from timestamptz,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, kind, sku)
);

-- Prices are never changed: a new one begins at its time and ends the one before it.
CREATE TABLE price (
    org_id         uuid NOT NULL,
    item_id        uuid NOT NULL,
    effective_from timestamptz NOT NULL,
    minor          bigint NOT NULL CHECK (minor >= 0),
    currency       text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    noted_at       timestamptz NOT NULL,
    PRIMARY KEY (org_id, item_id, effective_from),
    FOREIGN KEY (org_id, item_id) REFERENCES price_item
);

-- A customer is one phone number; where a shop gives none, one number of the shop's own.
CREATE TABLE customer (
    org_id     uuid NOT NULL,
    id         uuid NOT NULL,
    name       text NOT NULL,
    phone      text NOT NULL,
    -- Keyed hash of the phone number, by which it is searched; absent without a number.
    phone_hash bytea CHECK (octet_length(phone_hash) = 32),
    -- The shop and its number of the customer; both empty when there is none.
    source     text NOT NULL,
    ref        text NOT NULL,
    address    text NOT NULL,
    latitude   double precision CHECK (latitude BETWEEN -90 AND 90),
    longitude  double precision CHECK (longitude BETWEEN -180 AND 180),
    vip        boolean NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (org_id, id),
    CHECK ((latitude IS NULL) = (longitude IS NULL))
);
CREATE UNIQUE INDEX customer_phone ON customer (org_id, phone_hash) WHERE phone_hash IS NOT NULL;
CREATE UNIQUE INDEX customer_ref ON customer (org_id, source, ref) WHERE phone_hash IS NULL;

CREATE TABLE purchase (
    org_id      uuid NOT NULL,
    id          uuid NOT NULL,
    source      text NOT NULL CHECK (source <> ''),
    number      text NOT NULL CHECK (number <> ''),
    ordered_at  timestamptz NOT NULL,
    customer_id uuid NOT NULL,
    -- As it was told with this order; a customer may live elsewhere the next time.
    address     text NOT NULL,
    latitude    double precision,
    longitude   double precision,
    store_id    uuid,
    region_id   uuid,
    wanted_from timestamptz,
    wanted_to   timestamptz,
    taken_at    timestamptz NOT NULL,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, source, number),
    FOREIGN KEY (org_id, customer_id) REFERENCES customer
);
CREATE INDEX purchase_customer ON purchase (org_id, customer_id, ordered_at DESC);

CREATE TABLE purchase_line (
    org_id       uuid NOT NULL,
    purchase_id  uuid NOT NULL,
    item         integer NOT NULL CHECK (item > 0),
    -- What tells lines apart in the source's own words, and a hash of all that it said of this line.
    key          text NOT NULL,
    content_hash bytea NOT NULL,
    product_id   uuid NOT NULL,
    product_name text NOT NULL,
    quantity     integer NOT NULL CHECK (quantity BETWEEN 1 AND 50),
    minor        bigint NOT NULL,
    currency     text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    ticket_ids   uuid[] NOT NULL,
    PRIMARY KEY (org_id, purchase_id, item),
    UNIQUE (org_id, purchase_id, key),
    FOREIGN KEY (org_id, purchase_id) REFERENCES purchase
);

-- One reading of one file. position is the last line whose batch has been committed.
CREATE TABLE import_run (
    org_id      uuid NOT NULL,
    id          uuid NOT NULL,
    source      text NOT NULL,
    file_name   text NOT NULL,
    file_hash   bytea NOT NULL,
    mapping_hash bytea NOT NULL,
    position    integer NOT NULL DEFAULT 0,
    added       integer NOT NULL DEFAULT 0,
    existing    integer NOT NULL DEFAULT 0,
    skipped     integer NOT NULL DEFAULT 0,
    refused     integer NOT NULL DEFAULT 0,
    tickets     integer NOT NULL DEFAULT 0,
    started_at  timestamptz NOT NULL,
    finished_at timestamptz,
    PRIMARY KEY (org_id, id)
);
-- While a file is being read, whoever reads it again joins in.
CREATE UNIQUE INDEX import_run_open ON import_run (org_id, file_hash, mapping_hash) WHERE finished_at IS NULL;

CREATE TABLE import_refusal (
    org_id      uuid NOT NULL,
    run_id      uuid NOT NULL,
    line        integer NOT NULL,
    column_name text NOT NULL,
    value       text NOT NULL,
    code        text NOT NULL,
    detail      text NOT NULL,
    PRIMARY KEY (org_id, run_id, line),
    FOREIGN KEY (org_id, run_id) REFERENCES import_run
);

-- +goose StatementBegin
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['product_class', 'product', 'price_item', 'price', 'customer', 'purchase', 'purchase_line', 'import_run', 'import_refusal'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
        EXECUTE format('CREATE POLICY tenant ON %I USING (org_id = nullif(current_setting(''doorstep.org'', true), '''')::uuid)', t);
    END LOOP;
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP TABLE import_refusal, import_run, purchase_line, purchase, customer, price, price_item, product, product_class;
