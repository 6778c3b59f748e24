-- Description: Widths and heights must be there. Nothing refers to photos, so it can be rebuilt
-- Depends: 0014

CREATE TABLE photos_new (
  id INTEGER PRIMARY KEY,
  entry_id INTEGER NOT NULL REFERENCES entries (id) ON DELETE CASCADE,
  object_key TEXT NOT NULL UNIQUE,
  width INTEGER NOT NULL,
  height INTEGER NOT NULL
);

INSERT INTO photos_new SELECT id, entry_id, object_key, coalesce(width, 0), coalesce(height, 0) FROM photos;
DROP TABLE photos;
ALTER TABLE photos_new RENAME TO photos;
CREATE INDEX photos_by_entry ON photos (entry_id);

-- Rollback
-- CREATE TABLE photos_old (
--   id INTEGER PRIMARY KEY,
--   entry_id INTEGER NOT NULL REFERENCES entries (id) ON DELETE CASCADE,
--   object_key TEXT NOT NULL UNIQUE,
--   width INTEGER,
--   height INTEGER
-- );
-- INSERT INTO photos_old SELECT id, entry_id, object_key, width, height FROM photos;
-- DROP TABLE photos;
-- ALTER TABLE photos_old RENAME TO photos;
-- CREATE INDEX photos_by_entry ON photos (entry_id);
