-- Description: Two demonstration clinics, so that a new installation is not empty
-- Depends: 20240115093000, 20240122110000

INSERT INTO clinics (code, name, time_zone) VALUES
    ('DUB01', 'Harbour Street Surgery', 'Europe/Dublin'),
    ('LIS01', 'Clínica da Graça', 'Europe/Lisbon');

-- Rows are found by their natural keys: the numbers that an identity column hands out differ
-- between installations.
INSERT INTO staff (clinic_id, email, name, role)
SELECT clinics.id, person.email, person.name, person.role
FROM (VALUES
    ('DUB01', 'aoife.byrne@clinic.example', 'Dr Aoife Byrne', 'doctor'),
    ('DUB01', 'sean.oreilly@clinic.example', 'Seán O''Reilly', 'nurse'),
    ('LIS01', 'ines.matos@clinic.example', 'Dra. Inês Matos', 'doctor')
) AS person (code, email, name, role)
JOIN clinics ON clinics.code = person.code;

INSERT INTO staff_specialties (staff_id, specialty)
SELECT id, CASE email WHEN 'ines.matos@clinic.example' THEN 'cardio' ELSE 'gp' END
FROM staff
WHERE role = 'doctor' AND email LIKE '%@clinic.example';

INSERT INTO patients (clinic_id, given_name, family_name, born_on, phone, updated_at)
SELECT clinics.id, person.given, person.family, person.born, person.phone, '2024-01-29 08:00+00'
FROM (VALUES
    ('DUB01', 'Maeve', 'Doyle', DATE '1984-03-07', '087 555 0101'),
    ('DUB01', 'Liam', 'Walsh', DATE '2016-11-23', NULL),
    ('LIS01', 'Tomás', 'Pereira', DATE '1957-06-30', '+351 915 550 102')
) AS person (code, given, family, born, phone)
JOIN clinics ON clinics.code = person.code;

INSERT INTO appointments (patient_id, staff_id, status, during, reason, updated_at)
SELECT patients.id, staff.id, visit.status::appointment_status,
       tstzrange(visit.starts, visit.starts + interval '20 minutes'), visit.reason, '2024-01-29 08:00+00'
FROM (VALUES
    ('Doyle', 'aoife.byrne@clinic.example', 'completed', timestamptz '2024-01-15 09:00+00', 'Check-up; bring results'),
    ('Doyle', 'aoife.byrne@clinic.example', 'booked', timestamptz '2024-01-22 09:00+00', 'Follow-up'),
    ('Walsh', 'aoife.byrne@clinic.example', 'confirmed', timestamptz '2024-01-22 09:20+00', 'Vaccination'),
    ('Pereira', 'ines.matos@clinic.example', 'cancelled', timestamptz '2024-01-23 14:00+00', NULL)
) AS visit (family, email, status, starts, reason)
JOIN patients ON patients.family_name = visit.family
JOIN staff ON staff.email = visit.email;

-- Rollback
-- -- Patients and staff that somebody added to a demonstration clinic since then make this fail
-- -- rather than vanish.
-- DELETE FROM appointments USING staff
--     WHERE staff.id = appointments.staff_id
--       AND staff.email IN ('aoife.byrne@clinic.example', 'ines.matos@clinic.example');
-- DELETE FROM patients USING clinics
--     WHERE clinics.id = patients.clinic_id AND clinics.code IN ('DUB01', 'LIS01')
--       AND (family_name, born_on) IN (('Doyle', DATE '1984-03-07'), ('Walsh', DATE '2016-11-23'), ('Pereira', DATE '1957-06-30'));
-- DELETE FROM staff WHERE email IN ('aoife.byrne@clinic.example', 'sean.oreilly@clinic.example', 'ines.matos@clinic.example');
-- DELETE FROM clinics WHERE code IN ('DUB01', 'LIS01');
