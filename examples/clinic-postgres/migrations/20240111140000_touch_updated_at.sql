-- Description: Keep updated_at current without help from the application

CREATE FUNCTION touch_updated_at() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    -- An UPDATE that changes nothing is not an edit; caches keyed by updated_at stay valid.
    IF NEW IS DISTINCT FROM OLD THEN
        NEW.updated_at := now();
    END IF;
    RETURN NEW;
END;
$$;

CREATE TRIGGER patients_touch BEFORE UPDATE ON patients
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();
CREATE TRIGGER appointments_touch BEFORE UPDATE ON appointments
    FOR EACH ROW EXECUTE FUNCTION touch_updated_at();

-- Rollback
-- DROP TRIGGER appointments_touch ON appointments;
-- DROP TRIGGER patients_touch ON patients;
-- DROP FUNCTION touch_updated_at();
