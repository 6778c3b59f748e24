-- Description: Call the reason what the forms call it

-- The view keeps its own column name: it shows a patient's words to the staff.
ALTER TABLE appointments RENAME COLUMN reason TO complaint;

-- Rollback: ALTER TABLE appointments RENAME COLUMN complaint TO reason;
