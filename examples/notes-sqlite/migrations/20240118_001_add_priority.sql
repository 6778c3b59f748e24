-- Description: Priorities from 0 (none) to 3

ALTER TABLE notes ADD COLUMN priority INTEGER NOT NULL DEFAULT 0 CHECK (priority BETWEEN 0 AND 3);

-- Rollback
-- ALTER TABLE notes DROP COLUMN priority;
