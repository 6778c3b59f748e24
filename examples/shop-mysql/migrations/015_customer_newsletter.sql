-- Description: Who wants mail
-- Lock-Timeout: 10s
ALTER TABLE customers ADD COLUMN newsletter BOOLEAN NOT NULL DEFAULT FALSE AFTER name;

-- Rollback
-- ALTER TABLE customers DROP COLUMN newsletter;
