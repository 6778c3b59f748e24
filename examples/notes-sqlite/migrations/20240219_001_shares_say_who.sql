-- Description: Shares say who made them
-- Timeout: 30s

ALTER TABLE shares ADD COLUMN owner TEXT;
ALTER TABLE shares RENAME COLUMN owner TO created_by;

-- Rollback
-- ALTER TABLE shares DROP COLUMN created_by;
