-- Description: A notebook to begin with
-- Depends: 20240105_002, 20240106_001

INSERT INTO notebooks (id, title) VALUES (1, 'Welcome; read me');
INSERT INTO notes (id, notebook_id, title, body, state) VALUES
  (1, 1, 'First steps', 'Write -- anything; it''s yours.', 'ready'),
  (2, 1, 'Keyboard', 'ctrl+n makes a note', 'ready'),
  (3, 1, 'Ideas', '', 'draft');
INSERT INTO tags (id, name) VALUES (1, 'help'), (2, 'idea');
INSERT INTO note_tags (note_id, tag_id) VALUES (1, 1), (2, 1), (3, 2);

-- Rollback
-- DELETE FROM note_tags WHERE note_id IN (1, 2, 3);
-- DELETE FROM tags WHERE id IN (1, 2);
-- DELETE FROM notes WHERE id IN (1, 2, 3);
-- DELETE FROM notebooks WHERE id = 1;
