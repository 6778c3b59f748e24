//! Supabase: `supabase/migrations/20230101000000_name.sql`.

use std::path::Path;
use std::sync::Arc;

use whimbrel_core::Error;
use whimbrel_core::migration::{Reading, Transactions};
use whimbrel_core::source::{
    Blank, Certainty, Entry, Layout, Listing, Loaded, Recognised, read_native,
};
use whimbrel_core::text::SourceFile;
use whimbrel_sql::Dialect;

use super::files::{Found, Problems, Rules, exact, load};

/// The layout of the Supabase CLI.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Supabase;

impl Layout for Supabase {
    fn name(&self) -> &'static str {
        "supabase"
    }

    fn recognise(&self, listing: &Listing) -> Option<Recognised> {
        if listing.entries.is_empty() {
            return None;
        }
        listing.roots.iter().all(|root| is_supabase(root)).then(|| {
            let reason = "the folder is `supabase/migrations`";
            Recognised::new(Certainty::Certain, reason)
        })
    }

    /// All statements of a file go to the server together with the record, as one implicit
    /// transaction. The Supabase CLI knows no rollback, so one written for Whimbrel is read.
    fn load(&self, listing: &Listing, dialect: Dialect) -> Result<Loaded, Error> {
        let mut problems = Problems::default();
        let listing = &*exact(listing, &mut problems);
        let mut found = Vec::new();
        let dumped = old_dump(listing);
        for entry in &listing.entries {
            if dumped.is_some_and(|dump| std::ptr::eq(dump, entry)) {
                problems.stray_with_help(
                    entry,
                    "the Supabase CLI leaves a first file `_init.sql` of before 2021-12-09 out",
                    "if it is a migration, give it another name than `init`",
                );
                continue;
            }
            let split = entry.stem.split_once('_');
            let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
            match split.filter(|(version, _)| digits(version) && entry.folder.is_empty()) {
                Some((version, name)) => found.push(Found::new(version, name, entry, None)),
                None => problems.stray(
                    entry,
                    "the name is not of the form `20230101000000_name.sql`",
                ),
            }
        }
        found.sort_by(|a, b| a.up.stem.cmp(&b.up.stem));
        load(
            listing,
            dialect,
            &found,
            &Rules {
                reader: rollback_alone,
                ..Rules::plain(Transactions::Bare)
            },
            problems,
        )
    }

    fn blank(&self, _: &Listing, version: &str, name: &str) -> Option<Vec<Blank>> {
        let text = "";
        Some(vec![(format!("{version}_{name}.sql"), text.to_owned())])
    }
}

/// The CLI's first versions dumped the project's schema into `20210101000000_init.sql`, so later ones
/// leave out what is called so, if it is the first of all names in the folder (a `.gitkeep` is before it).
fn old_dump(listing: &Listing) -> Option<&Entry> {
    const CHANGED: u64 = 20_211_209_000_000;
    let is_old = |entry: &&Entry| {
        let digits = entry.stem.strip_suffix("_init");
        let time = digits.filter(|digits| digits.len() == 14)?.parse::<u64>();
        Some(entry.folder.is_empty() && entry.extension == "sql" && time.ok()? < CHANGED)
    };
    let mut entries = listing.entries.iter();
    let entry = entries.find(|entry| is_old(entry) == Some(true))?;
    let name = entry.path.file_name()?;
    let beside = entry.path.parent().map(std::fs::read_dir)?;
    let mut names = beside.into_iter().flatten().flatten();
    let is_first = names.all(|other| other.file_name().as_os_str() >= name);
    is_first.then_some(entry)
}

/// A comment that looks like a directive means nothing to Supabase.
fn rollback_alone(file: &Arc<SourceFile>, dialect: Dialect) -> Reading {
    let native = read_native(file, dialect);
    Reading {
        up: native.up,
        down: native.down,
        ..Reading::whole(file, dialect)
    }
}

fn is_supabase(root: &Path) -> bool {
    // A root such as `.` has its names only once it is resolved.
    let full = root.canonicalize();
    let path = full.as_deref().unwrap_or(root);
    let named = |path: Option<&Path>, name: &str| {
        path.and_then(Path::file_name)
            .is_some_and(|last| last == name)
    };
    named(Some(path), "migrations") && named(path.parent(), "supabase")
}
