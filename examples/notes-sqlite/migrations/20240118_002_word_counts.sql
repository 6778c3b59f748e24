-- Description: A generated column for the length

ALTER TABLE notes ADD COLUMN length INTEGER GENERATED ALWAYS AS (length(body)) VIRTUAL;

-- Rollback: ALTER TABLE notes DROP COLUMN length;
