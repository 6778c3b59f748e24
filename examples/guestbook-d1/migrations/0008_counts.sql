-- Description: Entries of each visitor, counted as they are written

ALTER TABLE visitors ADD COLUMN entries INTEGER NOT NULL DEFAULT 0;

UPDATE visitors
SET entries = (SELECT count(*) FROM entries WHERE visitor_id = visitors.id);

CREATE TRIGGER entries_added AFTER INSERT ON entries
BEGIN
  UPDATE visitors SET entries = entries + 1 WHERE id = new.visitor_id;
END;

CREATE TRIGGER entries_removed AFTER DELETE ON entries
BEGIN
  UPDATE visitors SET entries = entries - 1 WHERE id = old.visitor_id;
END;

-- Rollback
-- DROP TRIGGER entries_added;
-- DROP TRIGGER entries_removed;
-- ALTER TABLE visitors DROP COLUMN entries;
