-- Description: The language of an entry

CREATE TABLE languages (code TEXT PRIMARY KEY, name TEXT NOT NULL);
INSERT INTO languages (code, name) VALUES ('en', 'English'), ('nl', 'Nederlands'), ('is', 'Íslenska');
ALTER TABLE entries ADD COLUMN language TEXT REFERENCES languages (code);

-- Rollback
-- ALTER TABLE entries DROP COLUMN language;
-- DROP TABLE languages;
