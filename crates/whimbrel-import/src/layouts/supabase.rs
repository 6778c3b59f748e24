//! Supabase: `supabase/migrations/20230101000000_name.sql`.

use std::path::Path;
use std::sync::Arc;

use whimbrel_core::Error;
use whimbrel_core::migration::{Reading, Transactions};
use whimbrel_core::source::{Certainty, Layout, Listing, Loaded, Recognised, read_native};
use whimbrel_core::text::SourceFile;
use whimbrel_sql::Dialect;

use super::files::{Found, Problems, Rules, load};

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
        let mut found = Vec::new();
        for entry in &listing.entries {
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
