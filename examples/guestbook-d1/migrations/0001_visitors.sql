-- Description: Visitors, by the name that they sign with

CREATE TABLE visitors (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  created_at TEXT NOT NULL DEFAULT (datetime('now'))
);

-- Rollback
-- DROP TABLE visitors;
