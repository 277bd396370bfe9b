-- SPDX-License-Identifier: EUPL-1.2
-- The first schema. Times are milliseconds since 1970 (UTC); booleans are 0 and 1; every row bears its organisation.

CREATE TABLE organisation (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    id  TEXT NOT NULL UNIQUE
) STRICT;

-- A human behind one or more accounts. Ghosts and conversations hang here, never on an account.
CREATE TABLE persona (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    organisation INTEGER NOT NULL REFERENCES organisation (key),
    name         TEXT NOT NULL,               -- as his network shows him; '' when unknown
    created_at   INTEGER NOT NULL
) STRICT;

CREATE TABLE account (
    organisation INTEGER NOT NULL REFERENCES organisation (key),
    network      TEXT NOT NULL,
    address      TEXT NOT NULL,               -- canonical
    persona      INTEGER NOT NULL REFERENCES persona (id),
    main         INTEGER NOT NULL,            -- 1: what is meant for the persona goes here
    PRIMARY KEY (organisation, network, address)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX account_main ON account (persona) WHERE main = 1;

-- How a persona is written on a network. Decided once; never changes.
CREATE TABLE ghost (
    organisation INTEGER NOT NULL REFERENCES organisation (key),
    network      TEXT NOT NULL,
    written      TEXT NOT NULL,
    persona      INTEGER NOT NULL REFERENCES persona (id),
    PRIMARY KEY (organisation, network, written)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX ghost_persona ON ghost (persona, network);

CREATE TABLE conversation (
    id           BLOB NOT NULL PRIMARY KEY,
    organisation INTEGER NOT NULL REFERENCES organisation (key),
    created_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The one direct conversation of two personas; one < other.
CREATE TABLE direct (
    one          INTEGER NOT NULL REFERENCES persona (id),
    other        INTEGER NOT NULL REFERENCES persona (id),
    organisation INTEGER NOT NULL REFERENCES organisation (key),
    conversation BLOB NOT NULL REFERENCES conversation (id),
    PRIMARY KEY (one, other)
) STRICT, WITHOUT ROWID;

-- A conversation on one network: a persona who is at home there, and the ghost of the other one.
CREATE TABLE leg (
    conversation BLOB NOT NULL REFERENCES conversation (id),
    network      TEXT NOT NULL,
    organisation INTEGER NOT NULL REFERENCES organisation (key),
    persona      INTEGER NOT NULL REFERENCES persona (id),
    other        INTEGER NOT NULL REFERENCES persona (id),
    chat         TEXT,                        -- NULL: bound to no chat
    notes        TEXT,                        -- the adapter's own
    PRIMARY KEY (conversation, network)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX leg_chat ON leg (organisation, network, chat) WHERE chat IS NOT NULL;

-- By what received things are recognised when they come again: a keyed hash, no content. The minute of the thing's own time
-- leads the key, so that neighbours in time share pages and the cost of a look-up does not grow with history.
CREATE TABLE seen (
    organisation INTEGER NOT NULL REFERENCES organisation (key),
    slot         INTEGER NOT NULL,
    digest       BLOB NOT NULL,
    at           INTEGER NOT NULL,
    PRIMARY KEY (organisation, slot, digest)
) STRICT, WITHOUT ROWID;

-- How an event is named on the network it came from (origin = 1) and on those it went to.
CREATE TABLE message (
    event        BLOB NOT NULL,
    part         INTEGER NOT NULL,
    network      TEXT NOT NULL,
    organisation INTEGER NOT NULL REFERENCES organisation (key),
    conversation BLOB NOT NULL,
    native       TEXT NOT NULL,
    digest       INTEGER NOT NULL,            -- of network and native
    origin       INTEGER NOT NULL,
    role         INTEGER NOT NULL,            -- 0 a message, 1 a new version of `about`, 2 a reaction to `about`
    about        BLOB,
    proof        INTEGER,                     -- how far its author was proved, where his network does not vouch for him
    PRIMARY KEY (event, part, network)
) STRICT, WITHOUT ROWID;
-- A message is found by its name within its conversation, newest first: what people refer to is mostly recent, and an index that is
-- ordered by time grows at its end only, so that the cost of a message does not grow with history.
CREATE INDEX message_name ON message (conversation, event, digest);

-- What a person has put under a message.
CREATE TABLE reaction (
    event        BLOB NOT NULL,               -- the message
    persona      INTEGER NOT NULL REFERENCES persona (id),
    emoji        TEXT NOT NULL,
    organisation INTEGER NOT NULL REFERENCES organisation (key),
    native       TEXT,                        -- where each reaction is an event of its own
    at           INTEGER NOT NULL,
    PRIMARY KEY (event, persona, emoji)
) STRICT, WITHOUT ROWID;

-- What is to be delivered. The order of ids is the order of each lane. Gone when delivered.
CREATE TABLE outbox (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    organisation  INTEGER NOT NULL REFERENCES organisation (key),
    conversation  BLOB NOT NULL,
    network       TEXT NOT NULL,              -- target
    source        TEXT NOT NULL,
    native        TEXT,                       -- the message as its author's network names it
    event         BLOB NOT NULL,
    part          INTEGER NOT NULL,
    content       BLOB NOT NULL,              -- the event as JSON, sealed
    accepted_at   INTEGER NOT NULL,
    wants_receipt INTEGER NOT NULL,
    state         INTEGER NOT NULL,           -- 0 waiting, 1 held for an administrator, 2 dead
    attempts      INTEGER NOT NULL,
    due           INTEGER NOT NULL,
    delay_told    INTEGER NOT NULL,
    cause         TEXT                        -- what went wrong last; no personal data
) STRICT;
CREATE INDEX outbox_lane ON outbox (conversation, network, id);

-- Secret values of the adapters: keys of ghosts. Sealed with a key outside of the database; never changed once written.
CREATE TABLE sealed (
    organisation INTEGER NOT NULL REFERENCES organisation (key),
    network      TEXT NOT NULL,
    key          TEXT NOT NULL,
    value        BLOB NOT NULL,
    PRIMARY KEY (organisation, network, key)
) STRICT, WITHOUT ROWID;

-- Small durable values of the adapters: watermarks, subscriptions.
CREATE TABLE note (
    organisation INTEGER NOT NULL REFERENCES organisation (key),
    network      TEXT NOT NULL,
    key          TEXT NOT NULL,
    value        TEXT NOT NULL,
    PRIMARY KEY (organisation, network, key)
) STRICT, WITHOUT ROWID;
