-- Description: States get a table of their own

CREATE TABLE states (
  name TEXT PRIMARY KEY,
  sort INTEGER NOT NULL
) WITHOUT ROWID;

INSERT INTO states (name, sort) VALUES ('draft', 1), ('ready', 2), ('archived', 3);

-- Rollback
-- DROP TABLE states;
