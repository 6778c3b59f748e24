-- Description: Remember what a note said before

CREATE TABLE note_versions (
  id INTEGER PRIMARY KEY,
  note_id INTEGER NOT NULL REFERENCES notes (id) ON DELETE CASCADE,
  body TEXT NOT NULL,
  saved_at TEXT NOT NULL DEFAULT (datetime('now'))
);

CREATE TRIGGER notes_remember
AFTER UPDATE OF body ON notes
WHEN CASE WHEN old.body = '' THEN 0 ELSE old.body <> new.body END
BEGIN
  INSERT INTO note_versions (note_id, body)
  VALUES (old.id, CASE WHEN length(old.body) > 10000 THEN substr(old.body, 1, 10000) ELSE old.body END);
END;
