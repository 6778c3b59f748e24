-- Description: A parent and its child rebuilt together: languages get a number
-- Depends: 0013
-- The new child refers to the new parent, so no row goes along when the old ones are dropped.

CREATE TABLE tongues (id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, name TEXT NOT NULL);
INSERT INTO tongues (code, name) SELECT code, name FROM languages ORDER BY code;

CREATE TABLE entry_tongues (
  entry_id INTEGER PRIMARY KEY REFERENCES entries (id) ON DELETE CASCADE,
  tongue_id INTEGER NOT NULL REFERENCES tongues (id)
);
INSERT INTO entry_tongues
SELECT entries.id, tongues.id FROM entries JOIN tongues ON tongues.code = entries.language;

ALTER TABLE entries DROP COLUMN language;
DROP TABLE languages;

-- Rollback
-- CREATE TABLE languages (code TEXT PRIMARY KEY, name TEXT NOT NULL);
-- INSERT INTO languages (code, name) SELECT code, name FROM tongues;
-- ALTER TABLE entries ADD COLUMN language TEXT REFERENCES languages (code);
-- UPDATE entries SET language = (
--   SELECT tongues.code FROM entry_tongues JOIN tongues ON tongues.id = tongue_id
--   WHERE entry_id = entries.id
-- );
-- DROP TABLE entry_tongues;
-- DROP TABLE tongues;
