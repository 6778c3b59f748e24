-- Description: Entries so far are in English
-- Depends: 0011

UPDATE entries SET language = 'en' WHERE language IS NULL;

-- Rollback
-- UPDATE entries SET language = NULL WHERE language = 'en';
