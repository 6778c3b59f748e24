-- A value cannot be taken out of an enum type, so the type is made again without it.

-- Neither of the two can be compared with values of the other type while the column changes.
DROP TRIGGER appointments_no_double_booking ON appointments;
DROP INDEX appointments_open_idx;

-- The nearest state that is left. An appointment that somebody marked by hand loses the difference.
ALTER TABLE appointments DISABLE TRIGGER appointments_touch;
UPDATE appointments SET status = 'cancelled' WHERE status = 'no_show';
ALTER TABLE appointments ENABLE TRIGGER appointments_touch;

ALTER TYPE appointment_status RENAME TO appointment_status_with_no_show;
CREATE TYPE appointment_status AS ENUM ('booked', 'confirmed', 'completed', 'cancelled');
ALTER TABLE appointments
    ALTER COLUMN status DROP DEFAULT,
    ALTER COLUMN status TYPE appointment_status USING status::text::appointment_status,
    ALTER COLUMN status SET DEFAULT 'booked';
DROP TYPE appointment_status_with_no_show;

CREATE INDEX appointments_open_idx ON appointments (staff_id, lower(during))
    WHERE status IN ('booked', 'confirmed');
CREATE TRIGGER appointments_no_double_booking
    BEFORE INSERT OR UPDATE OF staff_id, during, status ON appointments
    FOR EACH ROW EXECUTE FUNCTION refuse_double_booking();
