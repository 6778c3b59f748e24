-- Description: The list that each doctor sees in the morning

CREATE FUNCTION age_in_years(born date, today date) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT date_part('year', age(today, born))::integer;
$$;

CREATE VIEW day_list AS
SELECT
    appointments.id AS appointment_id,
    staff.name AS staff_name,
    (lower(appointments.during) AT TIME ZONE clinics.time_zone) AS starts_at,
    patients.display_name,
    age_in_years(patients.born_on, (lower(appointments.during) AT TIME ZONE clinics.time_zone)::date) AS age,
    coalesce(appointments.reason, '(none; ask)') AS reason
FROM appointments
JOIN patients ON patients.id = appointments.patient_id
JOIN staff ON staff.id = appointments.staff_id
JOIN clinics ON clinics.id = staff.clinic_id
WHERE appointments.status IN ('booked', 'confirmed');

-- Rollback
-- DROP VIEW day_list;
-- DROP FUNCTION age_in_years(date, date);
