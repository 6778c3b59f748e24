//! The layouts: how each tool names, orders and runs its files. One module per tool.

mod flyway;
mod liquibase;
mod rails;
mod read;
mod sqitch;
mod ts_strings;

use whimbrel_core::Error;
use whimbrel_core::source::{Layout, NATIVE_LAYOUTS};

/// All layouts that Whimbrel reads.
pub fn layouts() -> Vec<&'static dyn Layout> {
    let mut layouts = NATIVE_LAYOUTS.to_vec();
    layouts.push(&flyway::Flyway);
    layouts.push(&liquibase::Liquibase);
    layouts.push(&rails::Rails);
    layouts.push(&sqitch::Sqitch);
    layouts.push(&ts_strings::TsStrings);
    layouts
}

/// A layout by its name in settings.
///
/// # Errors
/// There is none of that name; the message lists those that there are.
pub fn layout_by_name(name: &str) -> Result<&'static dyn Layout, Error> {
    let layouts = layouts();
    let found = layouts.iter().find(|layout| layout.name() == name);
    found.copied().ok_or_else(|| {
        let known: Vec<_> = layouts.iter().map(|layout| layout.name()).collect();
        Error::Settings(format!(
            "there is no layout `{name}`; the layouts are: {}",
            known.join(", ")
        ))
    })
}
