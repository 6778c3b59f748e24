-- Description: Check the numbers that were there before the constraint was
-- Timeout: 5m

ALTER TABLE patients VALIDATE CONSTRAINT patients_phone_e164_is_valid;

-- Rollback
-- -- Validation cannot be taken back; a constraint that is not validated is a new one.
-- ALTER TABLE patients DROP CONSTRAINT patients_phone_e164_is_valid;
-- ALTER TABLE patients ADD CONSTRAINT patients_phone_e164_is_valid
--     CHECK (phone_e164 ~ E'^\\+[1-9][0-9]{6,14}$') NOT VALID;
