-- Description: Appointments for each clinic and month; edit here, it is made again at the next run

-- Dropped first: CREATE OR REPLACE VIEW cannot take a column away.
DROP VIEW IF EXISTS clinic_workload;
CREATE VIEW clinic_workload AS
SELECT
    clinics.code,
    date_trunc('month', lower(appointments.during) AT TIME ZONE clinics.time_zone)::date AS month,
    count(*) AS appointments,
    count(*) FILTER (WHERE appointments.status = 'no_show') AS missed,
    sum(invoices.total_cents) AS invoiced_cents
FROM clinics
JOIN staff ON staff.clinic_id = clinics.id
JOIN appointments ON appointments.staff_id = staff.id
LEFT JOIN invoices ON invoices.appointment_id = appointments.id
GROUP BY clinics.code, month;

-- Rollback
-- DROP VIEW clinic_workload;
