-- Description: Reception finds patients by telephone number
-- Transaction: off
-- Timeout: 30m
-- Rollback: DROP INDEX CONCURRENTLY patients_phone_idx;

-- Built while the clinic works. Alone in its file: a concurrent build cannot share a transaction
-- or a message with anything else.
CREATE INDEX CONCURRENTLY patients_phone_idx ON patients (phone) WHERE phone IS NOT NULL;
