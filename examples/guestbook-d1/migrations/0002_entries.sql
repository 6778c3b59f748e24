-- Description: What visitors write
-- Depends: 0001

CREATE TABLE entries (
  id INTEGER PRIMARY KEY,
  visitor_id INTEGER NOT NULL REFERENCES visitors (id) ON DELETE CASCADE,
  body TEXT NOT NULL CHECK (length(body) BETWEEN 1 AND 4000),
  written_at TEXT NOT NULL DEFAULT (datetime('now'))
);

CREATE INDEX entries_by_time ON entries (written_at);

-- Rollback
-- DROP TABLE entries;
