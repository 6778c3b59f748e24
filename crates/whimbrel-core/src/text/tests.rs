use std::sync::Arc;

use super::{Place, Script, SourceFile};

#[test]
fn parts_keep_the_files_that_they_come_from() {
    let (one, two) = (
        SourceFile::new("a", "\n\nSELECT 1;"),
        SourceFile::new("b", "\nSELECT ${x};"),
    );
    let mut builder = Script::build(Arc::clone(&one));
    builder.copy(2..11).append(&Script::whole(Arc::clone(&two)));
    let whole = builder.finish();
    assert_eq!(whole.files().len(), 2);
    let at = whole.text().find('$').unwrap();
    let mut builder = Script::build(Arc::clone(&one));
    builder.append_part(&whole, 7..at).put_for("2", &whole, at);
    builder.append_part(&whole, at + 4..whole.text().len());
    let part = builder.finish();
    assert_eq!(part.text(), "1;\nSELECT 2;");
    let end = part.text().len() - 1;
    let seen = |at: usize| {
        (
            part.file_at(at).name().to_owned(),
            part.place(at).line,
            part.place(at).column,
        )
    };
    assert_eq!(seen(0), ("a".to_owned(), 3, 8));
    assert_eq!(seen(end), ("b".to_owned(), 2, 12));
}

#[test]
fn a_text_may_stand_in_another_file() {
    let file = SourceFile::new("a.xml", "<sql>\n  SELECT 1 &lt; 2;\n  SELECT 3;</sql>");
    let text = Script::whole(SourceFile::new("a.xml", "SELECT 1 < 2;\n  SELECT 3;"));
    let script = text.standing_in(&file, &[(16..25, 27)]);
    assert_eq!(script.text(), text.text());
    assert_eq!(script.place(0), Place { line: 3, column: 3 });
    assert_eq!(script.place(18), Place { line: 3, column: 5 });
}

#[test]
fn places_count_lines_and_characters() {
    let file = SourceFile::new("a.sql", "\u{feff}é\nab");
    assert_eq!(file.place(2), Place { line: 1, column: 2 });
    assert_eq!(file.place(4), Place { line: 2, column: 2 });
    assert_eq!(file.place(99), Place { line: 2, column: 3 });
}

#[test]
fn scripts_of_several_files_lead_back_to_each() {
    let (one, two) = (SourceFile::new("1", "aa\nbb"), SourceFile::new("2", "cc"));
    let mut inner = Script::build(one.clone());
    inner.copy(3..5);
    let mut builder = Script::build(Arc::clone(&two));
    builder.append(&inner.finish()).put(";", 0);
    builder
        .append(&Script::whole(two))
        .append(&Script::slice(one, 0..2));
    let script = builder.finish();
    assert_eq!(script.text(), "bb;ccaa");
    let names: Vec<_> = [0, 2, 3, 6]
        .map(|at| script.file_at(at).name().to_owned())
        .into();
    assert_eq!(names, ["1", "2", "2", "1"]);
    assert_eq!(script.place(1), Place { line: 2, column: 2 });
    assert_eq!(script.origin(6), 1);
}

#[test]
fn made_scripts_lead_back_to_the_file() {
    let file = SourceFile::new("a.sql", "-- DROP ${t};\n");
    let mut builder = Script::build(file);
    builder.copy(3..8).put("users", 8).copy(12..13);
    let script = builder.finish();
    assert_eq!(script.text(), "DROP users;");
    assert_eq!(script.origin(0), 3);
    assert_eq!(script.origin(6), 8);
    assert_eq!(script.origin(10), 12);
}
