-- Description: Entries that answer others

ALTER TABLE entries ADD COLUMN reply_to INTEGER REFERENCES entries (id) ON DELETE SET NULL;
CREATE INDEX entries_by_reply ON entries (reply_to);

-- Rollback
-- DROP INDEX entries_by_reply;
-- ALTER TABLE entries DROP COLUMN reply_to;
