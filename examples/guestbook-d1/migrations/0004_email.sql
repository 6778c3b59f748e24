-- Description: An address to answer to

ALTER TABLE visitors ADD COLUMN email TEXT;
CREATE UNIQUE INDEX visitors_by_email ON visitors (email) WHERE email IS NOT NULL;

-- Rollback
-- DROP INDEX visitors_by_email;
-- ALTER TABLE visitors DROP COLUMN email;
