-- Description: Nobody can see two patients at once

CREATE FUNCTION refuse_double_booking() RETURNS trigger
LANGUAGE plpgsql AS $body$
DECLARE
    clash bigint;
BEGIN
    IF NEW.status = 'cancelled' THEN
        RETURN NEW;
    END IF;

    -- Two bookings at the same moment do not see each other's row; the staff member's row makes
    -- them take turns.
    PERFORM 1 FROM staff WHERE id = NEW.staff_id FOR UPDATE;

    SELECT id INTO clash
    FROM appointments
    WHERE staff_id = NEW.staff_id
      AND id <> NEW.id
      AND status <> 'cancelled'
      AND during && NEW.during
    ORDER BY id
    LIMIT 1;

    IF clash IS NOT NULL THEN
        RAISE EXCEPTION 'staff member % is busy; it''s taken by appointment %', NEW.staff_id, clash
            USING ERRCODE = 'exclusion_violation',
                  HINT = $hint$Choose another time; or cancel the other one first.$hint$;
    END IF;
    RETURN NEW;
END;
$body$;

CREATE TRIGGER appointments_no_double_booking
    BEFORE INSERT OR UPDATE OF staff_id, during, status ON appointments
    FOR EACH ROW EXECUTE FUNCTION refuse_double_booking();

-- Rollback

-- The trigger first: a function that is in use cannot be dropped.
DROP TRIGGER appointments_no_double_booking ON appointments;
DROP FUNCTION refuse_double_booking();
