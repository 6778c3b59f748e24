-- Description: Where a row came from, for the clinics that bring their old system's data

-- One statement for three tables, which is what a DO block is good for.
DO $outer$
DECLARE
    target text;
BEGIN
    FOREACH target IN ARRAY ARRAY['patients', 'appointments', 'invoices'] LOOP
        EXECUTE format($sql$ALTER TABLE %I ADD COLUMN imported_from text;$sql$, target);
        EXECUTE format(
            $sql$CREATE UNIQUE INDEX %I ON %I (imported_from) WHERE imported_from IS NOT NULL;$sql$,
            target || '_imported_from_key', target
        );
    END LOOP;
END;
$outer$;

-- Rollback
-- DO $outer$
-- DECLARE
--     target text;
-- BEGIN
--     FOREACH target IN ARRAY ARRAY['patients', 'appointments', 'invoices'] LOOP
--         -- The index goes with its column.
--         EXECUTE format('ALTER TABLE %I DROP COLUMN imported_from', target);
--     END LOOP;
-- END;
-- $outer$;
