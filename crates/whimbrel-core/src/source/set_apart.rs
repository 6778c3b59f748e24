//! Folders whose files were hardly meant to run with all the others.
//!
//! Folders in the folder are read with what is in them, for many projects have one for each module,
//! year or release, and there the same numbers say nothing (`billing/001_init`, `users/001_init`). But
//! `dev/` and `prod/` are alternatives of each other, `archive/` holds what was replaced and `seeds/`
//! what only some databases get. A name alone is no proof, a folder may be about archives: so what
//! the names say is an error only where the files agree, else a warning.

mod names;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

use self::names::{Kind, kind};
use super::layout::{Entry, Listing};
use super::native::{FileName, FileRole, about_file};
use crate::diagnostic::{Diagnostic, Severity};
use crate::text::SourceFile;
use crate::version::Version;

/// Says what looks as if not all of it was meant: errors and warnings. With the layout that was found
/// out, for people may say that it is meant; none for one whose tool reads no folders in the folder.
pub fn set_apart(listing: &Listing, layout: Option<&str>) -> Vec<Diagnostic> {
    if listing.entries.iter().all(|entry| entry.folder.is_empty()) {
        return Vec::new();
    }
    let named = Named::of(listing);
    let mut said = named.environments(listing, layout);
    for folder in &named.folders {
        said.extend(folder.beside_others(listing, &named, layout));
    }
    if !said.iter().any(Diagnostic::is_error) {
        said.extend(copies(listing, layout));
    }
    if said.iter().any(Diagnostic::is_error) {
        said.retain(Diagnostic::is_error);
    }
    said
}

/// What to do; whoever names a folder has what is in it.
fn advice(listing: &Listing, around: (usize, &str), layout: Option<&str>) -> String {
    let own = |entry: &Entry| (entry.root, entry.folder.as_str()) == around;
    let choose = if listing.entries.iter().any(own) {
        "move what this database is not to have out of the folder; `--dir`, or `dir` in whimbrel.toml, may name several"
    } else {
        "name the folders that this database is to have: `--dir`, once for each, or `dir` in whimbrel.toml"
    };
    let all = |layout| format!("; `--layout {layout}` says that all of it is to run");
    format!("{choose}{}", layout.map(all).unwrap_or_default())
}

/// The same where somebody chose the layout, knowing the folder: what would be an error is a warning,
/// and the rest is known.
pub(super) fn as_warnings(mut said: Vec<Diagnostic>) -> Vec<Diagnostic> {
    said.retain(Diagnostic::is_error);
    for one in &mut said {
        one.severity = Severity::Warning;
    }
    said
}

/// A folder with such a name.
struct Folder<'a> {
    root: usize,
    /// From the root, with a `/` at its end; and the same of the folder around it.
    path: &'a str,
    parent: &'a str,
    kind: Kind,
    /// A file in it.
    first: &'a Entry,
}

struct Named<'a> {
    folders: Vec<Folder<'a>>,
}

impl<'a> Named<'a> {
    fn of(listing: &'a Listing) -> Self {
        let mut seen = HashSet::new();
        let mut folders = Vec::new();
        for entry in ups(listing) {
            let mut start = 0;
            for (end, _) in entry.folder.match_indices('/') {
                let name = &entry.folder[start..end];
                let (path, parent) = (&entry.folder[..=end], &entry.folder[..start]);
                if let Some(kind) = kind(name).filter(|_| seen.insert((entry.root, path))) {
                    folders.push(Folder {
                        root: entry.root,
                        path,
                        parent,
                        kind,
                        first: entry,
                    });
                }
                start = end + 1;
            }
        }
        Self { folders }
    }

    fn environments(&self, listing: &Listing, layout: Option<&str>) -> Vec<Diagnostic> {
        let mut beside: BTreeMap<(usize, &str), Vec<&Folder<'_>>> = BTreeMap::new();
        for folder in &self.folders {
            if folder.kind == Kind::Environment {
                let key = (folder.root, folder.parent);
                beside.entry(key).or_default().push(folder);
            }
        }
        beside.retain(|_, folders| folders.len() > 1);
        let said = beside.into_iter().map(|(around, folders)| {
            let names: Vec<_> = folders.iter().map(|folder| folder.path).collect();
            let message = format!(
                "the folders {} are alternatives by their names, and the files of all of them would run",
                names.join(" and ")
            );
            about(Severity::Error, &message, folders[1].first)
                .help(advice(listing, around, layout))
        });
        said.collect()
    }

    fn has(&self, entry: &Entry) -> bool {
        self.folders.iter().any(|folder| folder.has(entry))
    }
}

impl Folder<'_> {
    fn has(&self, entry: &Entry) -> bool {
        entry.root == self.root && entry.folder.starts_with(self.path)
    }

    fn beside_others(
        &self,
        listing: &Listing,
        named: &Named<'_>,
        layout: Option<&str>,
    ) -> Option<Diagnostic> {
        let beside = |entry: &&Entry| {
            let around = entry.root == self.root && entry.folder.starts_with(self.parent);
            around && !named.has(entry)
        };
        let others: HashSet<Version> = ups(listing).filter(beside).map(number).collect();
        if others.is_empty() {
            return None;
        }
        let mut own = ups(listing).filter(|entry| self.has(entry));
        let around = (self.root, self.parent);
        let Some(entry) = own.find(|entry| others.contains(&number(entry))) else {
            let message = format!("the files in {} run with the others", self.path);
            let said = about(Severity::Warning, &message, self.first);
            return Some(said.help(advice(listing, around, layout)));
        };
        let message = format!(
            "{} has numbers that stand beside it as well, such as {}, and all of these files would run",
            self.path,
            number(entry).as_str()
        );
        // No other layout of Whimbrel's takes a number twice.
        let layout = layout.map(|_| "by-name");
        let said = about(Severity::Error, &message, entry);
        Some(said.help(advice(listing, around, layout)))
    }
}

/// Two folders of which one has copies of the other's files, by name and text, and little else.
fn copies(listing: &Listing, layout: Option<&str>) -> Option<Diagnostic> {
    let mut sizes: HashMap<(usize, &str), usize> = HashMap::new();
    let mut names: HashMap<&str, Vec<&Entry>> = HashMap::new();
    for entry in ups(listing) {
        *sizes.entry((entry.root, &entry.folder)).or_default() += 1;
        names.entry(&entry.stem).or_default().push(entry);
    }
    let mut shared: BTreeMap<_, BTreeSet<&str>> = BTreeMap::new();
    for (name, entries) in names.iter().filter(|(_, entries)| entries.len() > 1) {
        let mut texts: HashMap<String, Vec<&Entry>> = HashMap::new();
        for entry in entries {
            // What can't be read is said elsewhere.
            let text = entry.read().map(|file| bare(&file)).unwrap_or_default();
            texts.entry(text).or_default().push(entry);
        }
        texts.remove("");
        for pair in texts.values().flat_map(|same| same.windows(2)) {
            let folder = |entry: &'_ Entry| (entry.root, entry.folder.clone());
            let (one, two) = (folder(pair[0]), folder(pair[1]));
            shared.entry((one, two)).or_default().insert(name);
        }
    }
    let size = |(root, folder): &(usize, String)| sizes[&(*root, folder.as_str())];
    let mostly = |(one, two): &(_, _), names: &BTreeSet<&str>| {
        one != two && 2 * names.len() >= size(one).min(size(two))
    };
    let mut shared = shared.into_iter();
    let ((one, two), same) = shared.find(|(pair, names)| mostly(pair, names))?;
    let name = same.first()?;
    let place = |folder: &str| {
        if folder.is_empty() {
            "the folder itself".to_owned()
        } else {
            folder.to_owned()
        }
    };
    let message = format!(
        "{} and {} have the same files, such as {name}, and both would run",
        place(&one.1),
        place(&two.1),
    );
    let is_it =
        |entry: &&Entry| (entry.root, &entry.folder, entry.stem.as_str()) == (two.0, &two.1, name);
    let entry = listing.entries.iter().find(is_it)?;
    let around = one.1.trim_end_matches('/').rfind('/');
    let around = around.map_or("", |at| &one.1[..=at]);
    let said = about(Severity::Error, &message, entry);
    Some(said.help(advice(listing, (one.0, around), layout)))
}

/// A text without what stands between statements; empty if that is all.
fn bare(file: &SourceFile) -> String {
    let lines = file.text().lines().map(str::trim);
    let code = lines.filter(|line| !line.is_empty() && !line.starts_with("--"));
    code.collect::<Vec<_>>().join("\n")
}

/// The files that would run forward.
fn ups(listing: &Listing) -> impl Iterator<Item = &Entry> {
    let forward = |entry: &&Entry| FileName::parts(&entry.stem).2 != FileRole::Down;
    listing.entries.iter().filter(forward)
}

/// The number that a name begins with, or the name.
fn number(entry: &Entry) -> Version {
    let (number, ..) = FileName::parts(&entry.stem);
    Version::new(if number.is_empty() {
        &entry.stem
    } else {
        number
    })
}

fn about(severity: Severity, message: &str, entry: &Entry) -> Diagnostic {
    let problem = match severity {
        Severity::Error => Diagnostic::error("set-apart", message),
        _ => Diagnostic::warning("set-apart", message),
    };
    about_file(problem, &entry.path)
}

/// True for a folder of packages or of what was built, in which other people's scripts may lie.
pub(super) fn is_foreign(name: &str, path: &Path) -> bool {
    // What these are called may be a folder of one's own; what is in them is not.
    const MARKS: [(&str, &str); 4] = [
        ("target", "CACHEDIR.TAG"),
        ("vendor", "modules.txt"),
        ("vendor", "autoload.php"),
        ("venv", "pyvenv.cfg"),
    ];
    let marked = |(folder, mark): &(&str, &str)| *folder == name && path.join(mark).exists();
    name == "node_modules" || MARKS.iter().any(marked)
}

#[cfg(test)]
mod tests {
    use whimbrel_sql::Dialect;

    use super::super::{ByName, Directory, Source};

    /// What is said of a folder with these files, each with a text of its own unless it has one.
    fn said(files: &[&str], chosen: bool) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        for (index, file) in files.iter().enumerate() {
            let (name, text) = file.split_once(' ').unwrap_or((file, ""));
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let text = if text.is_empty() {
                format!("SELECT {index};")
            } else {
                text.to_owned()
            };
            std::fs::write(path, text).unwrap();
        }
        let mut directory = Directory::new(root.path());
        if chosen {
            directory = directory.layout(&ByName);
        }
        let list = match directory.load(Dialect::Postgres) {
            Ok(loaded) => loaded.warnings,
            Err(error) => error.diagnostics(),
        };
        let inside = format!("{}/", root.path().display());
        let line = |one: &crate::diagnostic::Diagnostic| {
            let kind = if one.is_error() { "error" } else { "warning" };
            format!("{kind} {}", one.to_string().replace(&inside, ""))
        };
        list.iter().map(line).collect()
    }

    #[test]
    fn alternatives_are_refused() {
        for (files, expected) in [
            (
                &["dev/1_a.sql", "dev/2_b.sql", "prod/1_a.sql", "prod/2_b.sql"][..],
                "prod/1_a.sql:1:1: the folders dev/ and prod/ are alternatives by their names, and the files of all of them would run",
            ),
            (
                &["db/1_a.sql", "db/staging/2_b.sql", "db/live/3_c.sql"],
                "db/staging/2_b.sql:1:1: the folders db/live/ and db/staging/ are alternatives by their names, and the files of all of them would run",
            ),
            (
                &[
                    "1_a.sql",
                    "2_b.sql",
                    "_archive/01_c.sql",
                    "_archive/02_d.sql",
                ],
                "_archive/01_c.sql:1:1: _archive/ has numbers that stand beside it as well, such as 01, and all of these files would run",
            ),
            (
                &["1_a.sql", "seeds/1_users.sql"],
                "seeds/1_users.sql:1:1: seeds/ has numbers that stand beside it as well, such as 1, and all of these files would run",
            ),
            (
                &[
                    "eu/1_a.sql CALL f()",
                    "eu/2_b.sql",
                    "us/1_a.sql CALL f()",
                    "us/2_b.sql",
                ],
                "us/1_a.sql:1:1: eu/ and us/ have the same files, such as 1_a, and both would run",
            ),
        ] {
            assert_eq!(said(files, false), [format!("error {expected}")]);
            assert_eq!(said(files, true), [format!("warning {expected}")]);
        }
    }

    #[test]
    fn what_is_put_away_or_is_test_data_is_told() {
        let told = said(&["1_a.sql", "2_b.sql", "seeds/3_c.sql"], false);
        assert_eq!(
            told,
            ["warning seeds/3_c.sql:1:1: the files in seeds/ run with the others"]
        );
        assert!(said(&["1_a.sql", "2_b.sql", "seeds/3_c.sql"], true).is_empty());
    }

    #[test]
    fn folders_of_modules_and_releases_are_read() {
        for files in [
            &[
                "users/1_init.sql",
                "users/2_b.sql",
                "orders/1_init.sql",
                "orders/2_c.sql",
            ][..],
            &[
                "users/1_init.sql SELECT 1",
                "users/2_b.sql",
                "users/3_c.sql",
                "orders/1_init.sql SELECT 1",
                "orders/2_b.sql",
                "orders/3_c.sql",
            ],
            &["2023/1_a.sql", "2024/1_b.sql"],
            &["1_seed/up.sql", "2_archive/up.sql"],
            &["seeds/1_a.sql", "seeds/2_b.sql"],
            &["staging/1_a.sql"],
            &[
                "1_a.sql",
                "node_modules/x/1_b.sql",
                "target/CACHEDIR.TAG",
                "target/1_b.sql",
                "vendor/modules.txt",
                "vendor/1_b.sql",
            ],
            &["1_a.sql", "vendor/2_b.sql", "target/3_b.sql"],
        ] {
            assert_eq!(said(files, false), [""; 0], "{files:?}");
        }
    }
}
