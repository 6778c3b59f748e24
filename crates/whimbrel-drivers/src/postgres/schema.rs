//! What is in a database, by its catalogs, in a form that does not depend on object numbers.

use whimbrel_core::driver::{Driver, DriverError, SchemaObject};
use whimbrel_core::history::HistoryTables;

/// Schemas that are the server's own.
const OWN: &str = "(n.nspname = 'information_schema' OR n.nspname LIKE 'pg\\_%')";

/// Each gives kind, name and definition. What an extension brought is left to the extension.
const QUERIES: [&str; 12] = [
    "SELECT 'schema', n.nspname, concat_ws(' ', pg_get_userbyid(n.nspowner), n.nspacl::text) FROM pg_namespace n WHERE NOT OWN",
    "SELECT 'extension', extname, extversion || ' in ' || n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace",
    "SELECT CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'table' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' WHEN 'f' THEN 'foreign table' ELSE 'composite type' END, format('%I.%I', n.nspname, c.relname), concat_ws(' ', c.relkind, c.relpersistence, c.relrowsecurity, c.relforcerowsecurity, c.relreplident, pg_get_userbyid(c.relowner), c.reloptions::text, c.relacl::text, pg_get_partkeydef(c.oid), pg_get_expr(c.relpartbound, c.oid), (SELECT string_agg(inhparent::regclass::text, ',' ORDER BY inhseqno) FROM pg_inherits WHERE inhrelid = c.oid), CASE WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f', 'c') AND NOT OWN AND NOT BROUGHT(pg_class, c.oid)",
    "SELECT 'column', format('%I.%I.%I', n.nspname, c.relname, a.attname), concat_ws(' ', row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum), format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'not null' END, a.attidentity, to_jsonb(a)->>'attgenerated', (SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d WHERE d.adrelid = c.oid AND d.adnum = a.attnum), (SELECT l.collname FROM pg_collation l WHERE l.oid = a.attcollation), a.attstorage, a.attacl::text) FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND NOT OWN AND NOT BROUGHT(pg_class, c.oid)",
    "SELECT 'constraint', format('%s.%I', coalesce(nullif(k.conrelid, 0)::regclass::text, k.contypid::regtype::text), k.conname), pg_get_constraintdef(k.oid) || CASE WHEN k.convalidated THEN '' ELSE ' not valid' END FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace WHERE NOT OWN AND NOT BROUGHT(pg_class, k.conrelid)",
    "SELECT 'index', i.indexrelid::regclass::text, concat_ws(' ', pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisreplident, i.indisclustered) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT OWN AND NOT BROUGHT(pg_class, i.indrelid)",
    "SELECT 'function', p.oid::regprocedure::text, concat_ws(' ', pg_get_userbyid(p.proowner), p.proacl::text, CASE WHEN EXISTS (SELECT FROM pg_aggregate g WHERE g.aggfnoid = p.oid) THEN 'aggregate' ELSE pg_get_functiondef(p.oid) END) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE NOT OWN AND NOT BROUGHT(pg_proc, p.oid)",
    "SELECT 'trigger', format('%s.%I', t.tgrelid::regclass, t.tgname), concat_ws(' ', t.tgenabled, pg_get_triggerdef(t.oid)) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT t.tgisinternal AND NOT OWN",
    "SELECT 'type', format('%I.%I', n.nspname, t.typname), concat_ws(' ', t.typtype, pg_get_userbyid(t.typowner), t.typacl::text, CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END, t.typnotnull, t.typdefault, (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid), (SELECT format_type(r.rngsubtype, NULL) FROM pg_range r WHERE r.rngtypid = t.oid)) FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.typtype IN ('e', 'd', 'r') AND NOT OWN AND NOT BROUGHT(pg_type, t.oid)",
    "SELECT 'policy', format('%s.%I', p.polrelid::regclass, p.polname), concat_ws(' ', p.polcmd, p.polpermissive, (SELECT string_agg(CASE r WHEN 0 THEN 'public' ELSE pg_get_userbyid(r) END, ',') FROM unnest(p.polroles) r), pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) FROM pg_policy p UNION ALL SELECT 'rule', format('%s.%I', r.ev_class::regclass, r.rulename), pg_get_ruledef(r.oid) FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace WHERE r.rulename <> '_RETURN' AND NOT OWN UNION ALL SELECT 'sequence option', format('%I.%I', n.nspname, c.relname), concat_ws(' ', s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle, (SELECT d.refobjid::regclass || '.' || d.refobjsubid FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i') AND d.refclassid = 'pg_class'::regclass LIMIT 1)) FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT OWN AND NOT BROUGHT(pg_class, c.oid)",
    "SELECT 'comment', (pg_identify_object(d.classoid, d.objoid, d.objsubid)).type || ' ' || (pg_identify_object(d.classoid, d.objoid, d.objsubid)).identity, d.description FROM pg_description d WHERE d.objoid >= 16384 AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = d.classoid AND x.objid = d.objoid AND x.deptype = 'e')",
    "SELECT x.kind, o.identity, '' FROM (SELECT 'operator' AS kind, 'pg_operator'::regclass AS class, oid FROM pg_operator UNION ALL SELECT 'operator class', 'pg_opclass'::regclass, oid FROM pg_opclass UNION ALL SELECT 'cast', 'pg_cast'::regclass, oid FROM pg_cast UNION ALL SELECT 'collation', 'pg_collation'::regclass, oid FROM pg_collation UNION ALL SELECT 'text search configuration', 'pg_ts_config'::regclass, oid FROM pg_ts_config UNION ALL SELECT 'text search dictionary', 'pg_ts_dict'::regclass, oid FROM pg_ts_dict UNION ALL SELECT 'event trigger', 'pg_event_trigger'::regclass, oid FROM pg_event_trigger UNION ALL SELECT 'publication', 'pg_publication'::regclass, oid FROM pg_publication UNION ALL SELECT 'statistics', 'pg_statistic_ext'::regclass, oid FROM pg_statistic_ext UNION ALL SELECT 'default rights', 'pg_default_acl'::regclass, oid FROM pg_default_acl) x, LATERAL pg_identify_object(x.class, x.oid, 0) o WHERE x.oid >= 16384 AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = x.class AND e.objid = x.oid AND e.deptype = 'e')",
];

const TABLES: &str = "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND NOT OWN AND NOT BROUGHT(pg_class, c.oid)";

/// Puts the conditions in that the queries share.
fn spelt(query: &str) -> String {
    let mut text = query.replace("OWN", OWN);
    while let Some(at) = text.find("BROUGHT(") {
        let inner = &text[at + "BROUGHT(".len()..];
        let Some(end) = inner.find(')') else { break };
        let Some((class, oid)) = inner[..end].split_once(", ") else {
            break;
        };
        let condition = format!(
            "EXISTS (SELECT FROM pg_depend e WHERE e.classid = '{class}'::regclass AND e.objid = {oid} AND e.deptype = 'e')"
        );
        let end = at + "BROUGHT(".len() + end + 1;
        text.replace_range(at..end, &condition);
    }
    text
}

pub(super) async fn schema(
    driver: &mut dyn Driver,
    tables: &HistoryTables,
) -> Result<Vec<SchemaObject>, DriverError> {
    // So that names come with their schemas.
    driver.query("SET search_path = pg_catalog").await?;
    let objects = objects(driver, tables).await;
    driver.query("RESET search_path").await?;
    objects
}

async fn objects(
    driver: &mut dyn Driver,
    tables: &HistoryTables,
) -> Result<Vec<SchemaObject>, DriverError> {
    let history = tables.schema.as_deref().unwrap_or("public");
    let own = [&tables.applied, &tables.log, &tables.lock, &tables.scripts]
        .map(|table| format!("{history}.{table}"));
    let mut objects = Vec::new();
    for query in QUERIES {
        let rows = driver.query(&spelt(query)).await?;
        objects.extend(rows.iter().map(|row| SchemaObject::of_row(row)));
    }
    objects.retain(|object| !is_own(&object.name, &own));
    for row in driver.query(&spelt(TABLES)).await? {
        let [Some(schema), Some(table)] = row.as_slice() else {
            continue;
        };
        let name = format!("{schema}.{table}");
        if own.contains(&name) {
            continue;
        }
        let [schema, table] = [schema, table].map(|part| part.replace('"', "\"\""));
        let count = format!("SELECT 'rows', '', count(*) FROM ONLY \"{schema}\".\"{table}\"");
        let rows = driver.query(&count).await?;
        objects.extend(rows.iter().map(|row| SchemaObject {
            name: name.clone(),
            ..SchemaObject::of_row(row)
        }));
    }
    objects.sort();
    Ok(objects)
}

/// The history's tables with their columns, keys and indexes.
fn is_own(name: &str, own: &[String]) -> bool {
    own.iter().any(|table| {
        name.strip_prefix(table.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.') || rest == "_pkey")
    })
}
