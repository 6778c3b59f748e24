-- Description: Photos lie in a bucket, the book has their keys

CREATE TABLE photos (
  id INTEGER PRIMARY KEY,
  entry_id INTEGER NOT NULL REFERENCES entries (id) ON DELETE CASCADE,
  object_key TEXT NOT NULL UNIQUE,
  width INTEGER,
  height INTEGER
);

CREATE INDEX photos_by_entry ON photos (entry_id);

-- Rollback
-- DROP TABLE photos;
