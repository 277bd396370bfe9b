-- SPDX-License-Identifier: EUPL-1.2
-- Rooms: their legs, the addresses that lead to them, and who is in them through which network.

CREATE TABLE room (
    conversation BLOB NOT NULL PRIMARY KEY REFERENCES conversation (id),
    organisation INTEGER NOT NULL REFERENCES organisation (key),
    home         TEXT NOT NULL,               -- the network where the room is at home
    address      TEXT NOT NULL,               -- how it is addressed there, as it was asked for first
    details      TEXT NOT NULL                -- JSON: name, topic, who may come in
) STRICT, WITHOUT ROWID;

-- Addresses of a room on its home network. Several may lead to one room.
CREATE TABLE room_address (
    organisation INTEGER NOT NULL REFERENCES organisation (key),
    network      TEXT NOT NULL,
    address      TEXT NOT NULL,
    conversation BLOB NOT NULL REFERENCES room (conversation),
    PRIMARY KEY (organisation, network, address)
) STRICT, WITHOUT ROWID;

CREATE TABLE room_leg (
    conversation BLOB NOT NULL REFERENCES room (conversation),
    network      TEXT NOT NULL,
    organisation INTEGER NOT NULL REFERENCES organisation (key),
    hosting      INTEGER NOT NULL,            -- 0 the room exists there by itself, 1 the gateway hosts it there
    chat         TEXT,                        -- NULL: bound to no chat
    notes        TEXT,                        -- the adapter's own
    PRIMARY KEY (conversation, network)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX room_leg_chat ON room_leg (organisation, network, chat) WHERE chat IS NOT NULL;

-- Who is in a room, through the network where he is at home.
CREATE TABLE room_member (
    conversation BLOB NOT NULL REFERENCES room (conversation),
    persona      INTEGER NOT NULL REFERENCES persona (id),
    organisation INTEGER NOT NULL REFERENCES organisation (key),
    network      TEXT NOT NULL,
    nick         TEXT,                        -- the name that he bears there; NULL: his own
    standing     INTEGER NOT NULL,            -- 0 visitor, 1 member, 2 moderator, 3 owner
    PRIMARY KEY (conversation, persona)
) STRICT, WITHOUT ROWID;
CREATE INDEX room_member_standing ON room_member (conversation, standing DESC, persona);

-- In a room that the gateway hosts, an event has two names on its author's network: the one he gave it and the one of the room. And who
-- the author is decides who may change a message.
CREATE TABLE message_anew (
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
    author       INTEGER,                     -- whose it is (origin = 1 only)
    proof        INTEGER,                     -- how far its author was proved, where his network does not vouch for him
    PRIMARY KEY (event, part, network, origin)
) STRICT, WITHOUT ROWID;
INSERT INTO message_anew (event, part, network, organisation, conversation, native, digest, origin, role, about, proof)
SELECT event, part, network, organisation, conversation, native, digest, origin, role, about, proof FROM message;
DROP TABLE message;
ALTER TABLE message_anew RENAME TO message;
CREATE INDEX message_name ON message (conversation, event, digest);
