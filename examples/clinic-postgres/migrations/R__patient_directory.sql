-- Description: Patients as reception looks them up
-- Rollback: DROP VIEW patient_directory;

CREATE OR REPLACE VIEW patient_directory AS
SELECT patients.id, clinics.code AS clinic, patients.display_name, patients.born_on,
       coalesce(patients.phone_e164, patients.phone) AS phone
FROM patients
JOIN clinics ON clinics.id = patients.clinic_id;
