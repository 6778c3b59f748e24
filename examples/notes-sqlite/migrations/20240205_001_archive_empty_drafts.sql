-- Description: Empty drafts are archived; what they were is kept for the way back

CREATE TABLE archived_drafts AS SELECT id, state, updated_at FROM notes WHERE state = 'draft' AND body = '';
UPDATE notes SET state = 'archived', updated_at = '2024-02-05 00:00:00'
WHERE id IN (SELECT id FROM archived_drafts);

-- Rollback
-- UPDATE notes SET
--   state = (SELECT a.state FROM archived_drafts a WHERE a.id = notes.id),
--   updated_at = (SELECT a.updated_at FROM archived_drafts a WHERE a.id = notes.id)
-- WHERE id IN (SELECT id FROM archived_drafts);
-- DROP TABLE archived_drafts;
