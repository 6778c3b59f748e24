-- Description: The page's settings, as JSON

CREATE TABLE settings (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL CHECK (json_valid(value))
);

INSERT INTO settings (key, value) VALUES
  ('title', '"Guestbook"'),
  ('page', '{"entries": 20, "newest_first": true}');

-- Rollback
-- DROP TABLE settings;
