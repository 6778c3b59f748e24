//! golang-migrate: `000001_name.up.sql` and `000001_name.down.sql`.

mod signs;

use whimbrel_core::Error;
use whimbrel_core::migration::Transactions;
use whimbrel_core::source::{Blank, Certainty, Layout, Listing, Loaded, Recognised};
use whimbrel_sql::Dialect;

use super::files::{Problems, Rules, load};
use super::pairs::{Control, Role, blank_pair, by_number, managed, pairs};

/// The layout of golang-migrate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GolangMigrate;

impl Layout for GolangMigrate {
    fn name(&self) -> &'static str {
        "golang-migrate"
    }

    /// Its names are also those of native pairs and of sqlx, which read them the same way unless a
    /// file manages its transactions itself, or Whimbrel would refuse them for what means nothing to
    /// this tool.
    fn recognise(&self, listing: &Listing) -> Option<Recognised> {
        let begins = managed(listing).filter(|(_, control)| *control == Control::Begin);
        let reason = match begins {
            Some((entry, _)) => format!("{} goes on after its COMMIT", entry.path.display()),
            None => signs::of(listing)?,
        };
        let reason = format!("pairs of files, and {reason}");
        Some(Recognised::new(Certainty::Likely, reason))
    }

    /// The whole file goes to the server in one piece; the SQLite driver puts a transaction around it.
    fn load(&self, listing: &Listing, dialect: Dialect) -> Result<Loaded, Error> {
        let mut problems = Problems::default();
        let mut found = pairs(
            listing,
            |stem, role| split(stem).filter(|_| role != Role::Single),
            &mut problems,
            "`000001_name.up.sql`",
        );
        by_number(&mut found);
        let transactions = match dialect {
            Dialect::Sqlite => Transactions::Wrapped,
            _ => Transactions::Bare,
        };
        let rules = Rules {
            foreign_keys: Some(false),
            ..Rules::plain(transactions)
        };
        load(listing, dialect, &found, &rules, problems)
    }

    fn blank(&self, _: &Listing, version: &str, name: &str) -> Option<Vec<Blank>> {
        Some(blank_pair(&format!("{version}_{name}")))
    }
}

/// Digits, an underscore, a name.
fn split(stem: &str) -> Option<(&str, &str)> {
    let (version, name) = stem.split_once('_')?;
    let digits = !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit());
    digits.then_some((version, name))
}
