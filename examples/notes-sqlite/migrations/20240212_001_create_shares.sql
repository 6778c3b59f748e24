-- Description: Notebooks can be shared by a link

CREATE TABLE shares (
  token TEXT PRIMARY KEY,
  notebook_id INTEGER NOT NULL REFERENCES notebooks (id) ON DELETE CASCADE,
  expires_at TEXT
) WITHOUT ROWID;

-- Rollback: DROP TABLE shares;
