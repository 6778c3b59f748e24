//! The example project goes up and down.

use std::path::Path;

use whimbrel::Migrator;
use whimbrel::plan::Goal;
use whimbrel::source::Directory;
use whimbrel_testkit::D1Server;

use super::Project;

#[tokio::test]
async fn the_guestbook_goes_up_and_down_and_up() {
    let project = Project::new(&[]);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/guestbook-d1");
    let migrator = Migrator::builder(&project.url)
        .source(Directory::new(folder.join("migrations")))
        .password(D1Server::TOKEN)
        .build()
        .unwrap();
    assert_eq!(migrator.up().await.unwrap().steps.len(), 18);
    let latest = "SELECT name, body FROM latest_entries";
    assert_eq!(
        project.rows(latest),
        r#"[{"name":"The host","body":"Welcome; write what you like."}]"#
    );
    migrator.run(&Goal::UndoAll).await.unwrap();
    let left = "SELECT name FROM sqlite_master WHERE name IN ('visitors', 'entries', 'languages')";
    assert_eq!(project.rows(left), "[]");
    migrator.up().await.unwrap();
    assert_eq!(
        project.rows("SELECT code FROM tongues JOIN entry_tongues ON tongue_id = id"),
        r#"[{"code":"en-GB"}]"#
    );
}
