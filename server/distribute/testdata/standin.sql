-- A stand-in for Citus on a stock PostgreSQL: its catalogue, and functions that refuse what Citus refuses and write
-- down what they were told. Rows stay where they are. It shows order, repetition and resumption, not distribution.
CREATE SCHEMA stand_in;

CREATE TABLE stand_in.told (at bigint GENERATED ALWAYS AS IDENTITY, call text NOT NULL);
CREATE TABLE stand_in.cut (relation text PRIMARY KEY); -- tables at which a run is cut off

CREATE TABLE stand_in.pg_dist_partition (logicalrelid regclass PRIMARY KEY, partmethod "char", partkey text, colocationid int, repmodel "char");
CREATE TABLE stand_in.pg_dist_node (nodename text, nodeport int, noderole text, isactive boolean, shouldhaveshards boolean);
INSERT INTO stand_in.pg_dist_node VALUES ('coordinator', 5432, 'primary', true, false), ('worker1', 5432, 'primary', true, true), ('worker2', 5432, 'primary', true, true);

CREATE FUNCTION stand_in.column_to_column_name(regclass, text) RETURNS text LANGUAGE sql AS 'SELECT $2';

CREATE TABLE stand_in.answer (nodename text, nodeport int, success boolean, result text);
INSERT INTO stand_in.answer VALUES ('worker1', 5432, true, '1'), ('worker2', 5432, true, '1');
CREATE FUNCTION stand_in.run_command_on_workers(text) RETURNS SETOF stand_in.answer LANGUAGE sql AS 'SELECT * FROM stand_in.answer';

CREATE FUNCTION stand_in.create_reference_table(t regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO stand_in.told (call) VALUES ('reference ' || t);
    INSERT INTO stand_in.pg_dist_partition VALUES (t, 'n', NULL, 1, 't');
END $$;

CREATE FUNCTION stand_in.create_distributed_table(t regclass, key text, colocate_with text DEFAULT 'default', shard_count int DEFAULT NULL)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    other regclass;
    grp   int := 2;
BEGIN
    IF EXISTS (SELECT FROM stand_in.cut WHERE relation = t::text) THEN
        RAISE EXCEPTION 'the connection is cut at %', t;
    END IF;
    IF EXISTS (SELECT FROM pg_trigger WHERE tgrelid = t AND NOT tgisinternal) THEN
        RAISE EXCEPTION 'cannot distribute relation "%" because it has triggers', t;
    END IF;
    FOR other IN SELECT confrelid FROM pg_constraint WHERE conrelid = t AND contype = 'f' AND confrelid <> t LOOP
        IF NOT EXISTS (SELECT FROM stand_in.pg_dist_partition WHERE logicalrelid = other) THEN
            RAISE EXCEPTION 'referenced table "%" must be a distributed table or a reference table', other;
        END IF;
    END LOOP;
    IF colocate_with = 'none' THEN
        IF shard_count IS NULL THEN RAISE EXCEPTION 'no number of shards'; END IF;
    ELSE
        SELECT colocationid INTO STRICT grp FROM stand_in.pg_dist_partition WHERE logicalrelid = colocate_with::regclass;
    END IF;
    INSERT INTO stand_in.told (call) VALUES ('distributed ' || t || ' by ' || key);
    INSERT INTO stand_in.pg_dist_partition VALUES (t, 'h', key, grp, 's');
END $$;

CREATE FUNCTION stand_in.truncate_local_data_after_distributing_table(t regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_constraint k WHERE k.confrelid = t AND k.contype = 'f'
        AND NOT EXISTS (SELECT FROM stand_in.pg_dist_partition WHERE logicalrelid = k.conrelid)) THEN
        RAISE EXCEPTION 'cannot truncate a table referenced in a foreign key constraint by a local table';
    END IF;
    INSERT INTO stand_in.told (call) VALUES ('freed ' || t);
    EXECUTE format('TRUNCATE %s CASCADE', t);
END $$;
