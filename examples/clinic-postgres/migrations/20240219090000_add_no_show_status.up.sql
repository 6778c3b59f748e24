-- Description: Patients who did not come
--
-- A file of its own: a new enum value can be used only after the transaction that adds it has
-- committed.
ALTER TYPE appointment_status ADD VALUE 'no_show' BEFORE 'cancelled';
