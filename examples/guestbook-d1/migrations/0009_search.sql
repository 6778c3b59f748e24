-- Description: Search in what was written

CREATE VIRTUAL TABLE entries_text USING fts5 (body, content = 'entries', content_rowid = 'id');
INSERT INTO entries_text (rowid, body) SELECT id, body FROM entries;

CREATE TRIGGER entries_text_added AFTER INSERT ON entries
BEGIN
  INSERT INTO entries_text (rowid, body) VALUES (new.id, new.body);
END;

CREATE TRIGGER entries_text_removed AFTER DELETE ON entries
BEGIN
  INSERT INTO entries_text (entries_text, rowid, body) VALUES ('delete', old.id, old.body);
END;

-- Rollback
-- DROP TRIGGER entries_text_added;
-- DROP TRIGGER entries_text_removed;
-- DROP TABLE entries_text;
