-- Description: Notebook titles are unique, which needs the table rebuilt
-- Foreign-Keys: off

CREATE TABLE notebooks_new (
  id INTEGER PRIMARY KEY,
  title TEXT NOT NULL UNIQUE,
  created_at TEXT NOT NULL DEFAULT (datetime('now'))
);
INSERT INTO notebooks_new (id, title, created_at) SELECT id, title, created_at FROM notebooks;
DROP TABLE notebooks;
ALTER TABLE notebooks_new RENAME TO notebooks;

-- Rollback
-- CREATE TABLE notebooks_old (
--   id INTEGER PRIMARY KEY,
--   title TEXT NOT NULL,
--   created_at TEXT NOT NULL DEFAULT (datetime('now'))
-- );
-- INSERT INTO notebooks_old (id, title, created_at) SELECT id, title, created_at FROM notebooks;
-- DROP TABLE notebooks;
-- ALTER TABLE notebooks_old RENAME TO notebooks;
