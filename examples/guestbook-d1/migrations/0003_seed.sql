-- Description: The host signs first
-- Depends: 0002

INSERT INTO visitors (id, name) VALUES (1, 'The host');
INSERT INTO entries (visitor_id, body) VALUES (1, 'Welcome; write what you like.');

-- Rollback
-- DELETE FROM visitors WHERE id = 1;
