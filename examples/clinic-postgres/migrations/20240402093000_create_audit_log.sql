-- Description: Who changed what, in a partition for each quarter

CREATE TABLE audit_log (
    happened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    id          bigint NOT NULL,
    table_name  text NOT NULL,
    operation   text NOT NULL,
    staff_id    bigint,
    old_row     jsonb,
    new_row     jsonb,
    PRIMARY KEY (happened_at, id)
) PARTITION BY RANGE (happened_at);

-- Partitioned tables learnt identity columns late; a sequence works in every supported server.
CREATE SEQUENCE audit_log_id_seq OWNED BY audit_log.id;
ALTER TABLE audit_log ALTER COLUMN id SET DEFAULT nextval('audit_log_id_seq');

CREATE INDEX audit_log_table_name_idx ON audit_log (table_name, happened_at);

-- Catches what no quarter has room for, so that a forgotten partition never blocks a patient's visit.
CREATE TABLE audit_log_default PARTITION OF audit_log DEFAULT;

CREATE FUNCTION add_audit_quarter(first_day date) RETURNS text
LANGUAGE plpgsql AS $function$
DECLARE
    partition text := format('audit_log_%s_q%s', extract(year FROM first_day), extract(quarter FROM first_day));
BEGIN
    EXECUTE format(
        $sql$CREATE TABLE %I PARTITION OF audit_log FOR VALUES FROM (%L) TO (%L);$sql$,
        partition, first_day, (first_day + interval '3 months')::date
    );
    RETURN partition;
END
$function$;

SELECT add_audit_quarter(DATE '2024-04-01');
SELECT add_audit_quarter(DATE '2024-07-01');

CREATE FUNCTION write_audit_log() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit_log (table_name, operation, staff_id, old_row, new_row)
    VALUES (
        TG_TABLE_NAME, TG_OP, current_staff_id(),
        CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END,
        CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END
    );
    RETURN NULL;
END
$$;

CREATE TRIGGER patients_audit AFTER INSERT OR UPDATE OR DELETE ON patients
    FOR EACH ROW EXECUTE FUNCTION write_audit_log();
CREATE TRIGGER appointments_audit AFTER INSERT OR UPDATE OR DELETE ON appointments
    FOR EACH ROW EXECUTE FUNCTION write_audit_log();

-- Rollback

DROP TRIGGER appointments_audit ON appointments;
DROP TRIGGER patients_audit ON patients;
DROP FUNCTION write_audit_log();
DROP FUNCTION add_audit_quarter(date);
-- Every partition goes too, those of later quarters as well.
DROP TABLE audit_log;
