-- Description: What the first page shows

DROP VIEW IF EXISTS open_notes;
CREATE VIEW open_notes AS
SELECT n.id, b.title AS notebook, n.title, n.priority, n.updated_at
FROM notes n
JOIN notebooks b ON b.id = n.notebook_id
JOIN states s ON s.name = n.state
WHERE n.state <> 'archived'
ORDER BY n.priority DESC, s.sort, n.updated_at DESC;

-- Rollback
-- DROP VIEW open_notes;
