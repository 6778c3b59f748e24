-- Description: The day list reads open appointments only
-- Rollback: DROP INDEX appointments_open_idx;

-- Nine in ten rows are completed: the partial index stays small and in memory.
CREATE INDEX appointments_open_idx ON appointments (staff_id, lower(during))
    WHERE status IN ('booked', 'confirmed');
