-- Description: Visitors report spam

CREATE TABLE reports (
  id INTEGER PRIMARY KEY,
  entry_id INTEGER NOT NULL REFERENCES entries (id) ON DELETE CASCADE,
  reason TEXT NOT NULL,
  reported_at TEXT NOT NULL DEFAULT (datetime('now'))
);

-- Rollback
-- DROP TABLE reports;
