-- Description: One reaction of a kind for each visitor and entry

CREATE TABLE reactions (
  entry_id INTEGER NOT NULL REFERENCES entries (id) ON DELETE CASCADE,
  visitor_id INTEGER NOT NULL REFERENCES visitors (id) ON DELETE CASCADE,
  kind TEXT NOT NULL CHECK (kind IN ('heart', 'smile', 'wave')),
  PRIMARY KEY (entry_id, visitor_id, kind)
) WITHOUT ROWID;

-- Rollback
-- DROP TABLE reactions;
