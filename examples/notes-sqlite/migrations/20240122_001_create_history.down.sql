DROP TRIGGER notes_remember;
DROP TABLE note_versions;
