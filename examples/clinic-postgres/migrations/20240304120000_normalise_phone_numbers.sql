-- Description: Telephone numbers in international form beside the ones that were typed
-- Lock-Timeout: 3s

ALTER TABLE patients ADD COLUMN phone_e164 text;

ALTER TABLE patients DISABLE TRIGGER patients_touch;
WITH digits AS (
    SELECT patients.id, clinics.time_zone, regexp_replace(patients.phone, '[^0-9+]', '', 'g') AS number
    FROM patients
    JOIN clinics ON clinics.id = patients.clinic_id
    WHERE patients.phone IS NOT NULL
)
UPDATE patients
SET phone_e164 = CASE
        WHEN digits.number LIKE '+%' THEN digits.number
        WHEN digits.number LIKE '00%' THEN '+' || substr(digits.number, 3)
        WHEN digits.time_zone = 'Europe/Dublin' THEN '+353' || ltrim(digits.number, '0')
        WHEN digits.time_zone = 'Europe/Lisbon' THEN '+351' || digits.number
    END
FROM digits
WHERE digits.id = patients.id;
ALTER TABLE patients ENABLE TRIGGER patients_touch;

-- Not validated at once: that would read the whole table under the lock that adding it takes.
ALTER TABLE patients ADD CONSTRAINT patients_phone_e164_is_valid
    CHECK (phone_e164 ~ E'^\\+[1-9][0-9]{6,14}$') NOT VALID;

-- Rollback: ALTER TABLE patients DROP COLUMN phone_e164;
