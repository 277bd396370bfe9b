-- SPDX-License-Identifier: EUPL-1.2
-- The picture that somebody shows of himself: what his network says of it, and what of that other networks are shown.

CREATE TABLE portrait (
    persona      INTEGER NOT NULL PRIMARY KEY REFERENCES persona (id),
    organisation INTEGER NOT NULL REFERENCES organisation (key),
    version      TEXT NOT NULL,               -- which picture his network shows; '' for none
    source       TEXT,                        -- JSON: where its bytes are; NULL: he shows none
    changed_at   INTEGER NOT NULL,
    due          INTEGER,                     -- when it is fetched; NULL: it was, or cannot be
    attempts     INTEGER NOT NULL,
    hash         TEXT,                        -- what is shown; NULL: nothing
    picture      BLOB                         -- its bytes, sealed
) STRICT;
CREATE INDEX portrait_due ON portrait (due) WHERE due IS NOT NULL;
