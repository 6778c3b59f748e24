-- Description: Keep updated_at true

CREATE TRIGGER notes_touch
AFTER UPDATE OF title, body, state ON notes
WHEN new.updated_at = old.updated_at
BEGIN
  UPDATE notes SET updated_at = datetime('now') WHERE id = new.id;
END;

-- Rollback: DROP TRIGGER notes_touch;
