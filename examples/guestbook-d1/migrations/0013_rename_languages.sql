-- Description: Longer codes; entries refer to the old ones until the end of the file
-- Depends: 0012

PRAGMA defer_foreign_keys = on;
UPDATE languages SET code = 'en-GB' WHERE code = 'en';
UPDATE entries SET language = 'en-GB' WHERE language = 'en';

-- Rollback
-- PRAGMA defer_foreign_keys = on;
-- UPDATE languages SET code = 'en' WHERE code = 'en-GB';
-- UPDATE entries SET language = 'en' WHERE language = 'en-GB';
