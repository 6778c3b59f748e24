-- Version: 20240105_002
-- Description: Notes belong to a notebook and go with it

CREATE TABLE notes (
  id INTEGER PRIMARY KEY,
  notebook_id INTEGER NOT NULL REFERENCES notebooks (id) ON DELETE CASCADE,
  title TEXT NOT NULL,
  body TEXT NOT NULL DEFAULT '',
  state TEXT NOT NULL DEFAULT 'draft',
  updated_at TEXT NOT NULL DEFAULT (datetime('now'))
);

CREATE INDEX notes_notebook ON notes (notebook_id);

-- Rollback
DROP TABLE notes;
