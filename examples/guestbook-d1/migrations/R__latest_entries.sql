-- Description: What the front page shows

DROP VIEW IF EXISTS latest_entries;
CREATE VIEW latest_entries AS
SELECT entries.id, visitors.name, entries.body, entries.written_at,
  (SELECT count(*) FROM reactions WHERE entry_id = entries.id) AS reactions
FROM entries JOIN visitors ON visitors.id = entries.visitor_id
WHERE entries.hidden = 0
ORDER BY entries.written_at DESC;

-- Rollback
-- DROP VIEW latest_entries;
