-- Description: Hide an entry without losing it

ALTER TABLE entries ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0 CHECK (hidden IN (0, 1));
CREATE INDEX entries_visible ON entries (written_at) WHERE hidden = 0;

-- Rollback
-- DROP INDEX entries_visible;
-- ALTER TABLE entries DROP COLUMN hidden;
