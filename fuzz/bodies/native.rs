//! The header of a native file with its directives, its sections, durations and versions: never a panic, on any text.

use whimbrel_core::directive::duration;
use whimbrel_core::source::read_native;
use whimbrel_core::text::SourceFile;
use whimbrel_core::version::Version;
use whimbrel_sql::Dialect;

pub(crate) fn run(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let file = SourceFile::new("fuzz.sql", text.as_ref());
    for dialect in [Dialect::Postgres, Dialect::Mysql, Dialect::Sqlite] {
        let reading = read_native(&file, dialect);
        for problem in &reading.problems {
            let _ = problem.to_string();
        }
    }
    let _ = duration(&text);
    let (version, other) = (
        Version::new(text.as_ref()),
        Version::new(text.to_uppercase()),
    );
    assert_eq!(version, version.clone());
    assert_eq!(version.cmp(&other), other.cmp(&version).reverse());
}
