//! Rails' dumped schema.

use whimbrel_testkit::on_engines;

use super::Project;

async fn rails_structure_begins_a_database(engine: &'static str) {
    let structure = "CREATE TABLE schema_migrations (version varchar(50) NOT NULL PRIMARY KEY);
CREATE TABLE users (id integer);
INSERT INTO schema_migrations (version) VALUES
('20240301120000'),
('20231101120000');
";
    let project = Project::found(engine, &[("structure.sql", structure)]);
    assert_eq!(project.up().await, ["20240301120000_structure"]);
    assert_eq!(
        project.value("SELECT max(version) FROM schema_migrations"),
        "20240301120000"
    );
    assert!(project.migrator().is_up_to_date().await.unwrap());
    project.write(
        "structure.sql",
        &structure.replace("VALUES\n", "VALUES\n('20240401120000'),\n"),
    );
    assert!(project.up().await.is_empty());
}

on_engines! {
    [sqlite postgres mariadb]
    rails_structure_begins_a_database
}
