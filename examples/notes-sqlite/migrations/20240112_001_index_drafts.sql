-- Rollback: DROP INDEX notes_drafts;

CREATE INDEX notes_drafts ON notes (updated_at) WHERE state = 'draft';
