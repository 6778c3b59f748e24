-- Description: Notebooks, the top of everything

CREATE TABLE notebooks (
  id INTEGER PRIMARY KEY,
  title TEXT NOT NULL,
  created_at TEXT NOT NULL DEFAULT (datetime('now'))
);

-- Rollback
-- DROP TABLE notebooks;
