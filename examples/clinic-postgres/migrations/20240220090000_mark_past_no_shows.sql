-- Description: Appointments that were still open when their day had passed were missed
-- Depends: 20240219090000

-- What each row was before, so that the rollback restores exactly these and no others.
CREATE TABLE appointments_before_no_show AS
SELECT id, status
FROM appointments
WHERE status IN ('booked', 'confirmed') AND upper(during) < timestamptz '2024-02-19 00:00+00';

-- The backfill is not an edit of the appointment; updated_at stays.
ALTER TABLE appointments DISABLE TRIGGER appointments_touch;
UPDATE appointments
SET status = 'no_show'
FROM appointments_before_no_show AS before
WHERE before.id = appointments.id;
ALTER TABLE appointments ENABLE TRIGGER appointments_touch;

-- Rollback
-- ALTER TABLE appointments DISABLE TRIGGER appointments_touch;
-- UPDATE appointments
-- SET status = before.status
-- FROM appointments_before_no_show AS before
-- -- Corrected by hand since then: the correction wins.
-- WHERE before.id = appointments.id AND appointments.status = 'no_show';
-- ALTER TABLE appointments ENABLE TRIGGER appointments_touch;
-- DROP TABLE appointments_before_no_show;
