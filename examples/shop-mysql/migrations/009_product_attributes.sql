-- Description: Attributes as JSON
ALTER TABLE products ADD COLUMN attributes JSON NULL;

-- Rollback
-- ALTER TABLE products DROP COLUMN attributes;
