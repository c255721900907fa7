package dev.doorstep.offline

/**
 * What makes the store, each step from the version before: 0 is a new folder. The steps only grow; an app brings any older
 * store up, with everything that is in it, and leaves a newer one alone. Entities need no upgrade: they are kept as the
 * bytes that came, of kinds that this app does not know, too, so that nothing is fetched anew when a later app knows them.
 */
internal val upgrades: List<List<String>>
    get() = listOf(
        SCHEMA.split(";\n").map(String::trim).filter(String::isNotEmpty),
        // 2: the server said of this mutation that it knows nothing of it and never will, in these words.
        listOf("ALTER TABLE outbox ADD COLUMN too_old INTEGER NOT NULL DEFAULT 0"),
        // 3: known is since when the server has it for sure, by the server's clock. A mutation waits while it is not known, also
        // one that has a verdict. judged is the device that the first verdict was signed for, when the mutation was renumbered
        // for another since then.
        listOf(
            "ALTER TABLE outbox ADD COLUMN known INTEGER",
            "ALTER TABLE outbox ADD COLUMN judged BLOB",
            // What was done under an earlier identity cannot be numbered for this one any more.
            "UPDATE outbox SET known = at, covered = 1 WHERE outcome IS NOT NULL AND " +
                "(covered = 1 OR device IS NOT (SELECT value FROM meta WHERE key = 'device'))",
            "DROP INDEX outbox_unsent",
            "CREATE INDEX outbox_waiting ON outbox (n) WHERE known IS NULL",
        ),
        // 4: the checksum of what was done, see sumOf; NULL for what an older app wrote.
        listOf("ALTER TABLE outbox ADD COLUMN sum INTEGER"),
    )

/** Brings the store up to this app's version. */
internal fun Sql.upgrade() {
    val version = first("PRAGMA user_version") { it.int(0) } ?: 0
    if (version > upgrades.size) {
        throw Fault(
            Fault.STORE_UNUSABLE,
            "made by a newer app: its version is $version, this app knows ${upgrades.size}",
        )
    }
    if (version == upgrades.size) return // nothing is written to a store that may be damaged
    for (step in upgrades.subList(version, upgrades.size)) step.forEach { run(it) }
    run("PRAGMA user_version = ${upgrades.size}")
}

/** The store, version 1. Times are microseconds since 1970, ids are 16 bytes. */
private const val SCHEMA = """
    CREATE TABLE meta (
        key   TEXT PRIMARY KEY,
        value BLOB NOT NULL
    ) WITHOUT ROWID;

    -- What each feed holds, as of the last checkpoint. An entity exists while any feed holds it.
    CREATE TABLE entry (
        feed TEXT    NOT NULL,
        kind INTEGER NOT NULL,
        id   BLOB    NOT NULL,
        seq  INTEGER NOT NULL,
        body BLOB    NOT NULL,
        PRIMARY KEY (feed, kind, id)
    ) WITHOUT ROWID;
    CREATE INDEX entry_entity ON entry (kind, id);

    -- Pages since the last checkpoint; the cursor in meta belongs to these.
    CREATE TABLE staged (
        feed    TEXT    NOT NULL,
        kind    INTEGER NOT NULL,
        id      BLOB    NOT NULL,
        seq     INTEGER NOT NULL,
        removed INTEGER NOT NULL,
        body    BLOB    NOT NULL,
        PRIMARY KEY (feed, kind, id)
    ) WITHOUT ROWID;
    -- Feeds to be emptied at the checkpoint before what is staged is applied: reset or dropped.
    CREATE TABLE staged_clear (feed TEXT PRIMARY KEY) WITHOUT ROWID;

    -- Feeds whose digest did not agree and which are to be sent anew.
    CREATE TABLE repair (feed TEXT PRIMARY KEY) WITHOUT ROWID;

    -- What a person did, in order. outcome is NULL until the verdict came.
    CREATE TABLE outbox (
        n       INTEGER PRIMARY KEY AUTOINCREMENT,
        device  BLOB    NOT NULL,
        seq     INTEGER NOT NULL,
        id      BLOB    NOT NULL UNIQUE,
        kind    TEXT    NOT NULL,
        args    BLOB    NOT NULL,
        at      INTEGER NOT NULL,
        tried   INTEGER NOT NULL DEFAULT 0,
        outcome INTEGER,
        verdict BLOB,
        -- The state shown contains the effect.
        covered INTEGER NOT NULL DEFAULT 0,
        -- A person has seen that it was rejected or parked.
        seen    INTEGER NOT NULL DEFAULT 0,
        UNIQUE (device, seq)
    );
    CREATE INDEX outbox_unsent ON outbox (n) WHERE outcome IS NULL;
    CREATE INDEX outbox_uncovered ON outbox (n) WHERE covered = 0;

    -- Files that belong to a mutation and whose bytes go to the object store.
    CREATE TABLE file (
        id       BLOB PRIMARY KEY,
        mutation BLOB    NOT NULL,
        name     TEXT    NOT NULL,
        sha256   BLOB    NOT NULL,
        size     INTEGER NOT NULL,
        media    TEXT    NOT NULL,
        added    INTEGER NOT NULL,
        state    INTEGER NOT NULL,
        sent     INTEGER NOT NULL DEFAULT 0,
        code     TEXT    NOT NULL DEFAULT '',
        answer   BLOB
    ) WITHOUT ROWID;
"""
