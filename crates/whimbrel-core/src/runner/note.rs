//! Writes down the checksums of applied files that were changed in nothing that they do.

use super::Runner;
use crate::driver::{Driver, DriverError, Lease, Part, Unit, Write};
use crate::event::Event;
use crate::plan::Noted;

/// Files per unit: some engines take only so many statements at a time.
const AT_ONCE: usize = 50;

fn units(lease: Lease, noted: &[Noted]) -> impl Iterator<Item = Unit<'_>> {
    noted.chunks(AT_ONCE).map(move |some| {
        let mut after = Vec::with_capacity(2 * some.len());
        for file in some {
            let scripts = file.keep.iter().map(|(key, text)| (key, text.as_str()));
            after.push(Write::Keep(scripts.collect()));
            after.push(Write::Note(file));
        }
        let part = Part {
            after,
            ..Part::default()
        };
        Unit::of_writes(lease, part)
    })
}

impl Runner<'_> {
    /// Writes them down, and gives their versions. What fails here is not lost: the next run finds the same.
    pub(super) async fn write_notes(
        &self,
        driver: &mut dyn Driver,
        lease: Lease,
        noted: &[Noted],
    ) -> Result<Vec<String>, DriverError> {
        for (unit, some) in units(lease, noted).zip(noted.chunks(AT_ONCE)) {
            let written = driver.apply(&unit, &mut |_| {}).await;
            written.map_err(|failed| failed.error)?;
            for file in some {
                self.listener.event(&Event::Noted(file));
            }
        }
        let versions = noted.iter().map(|file| file.version.to_string());
        Ok(versions.collect())
    }
}

/// The exact text of it, for a dry run.
pub(super) fn render(driver: &dyn Driver, lease: Lease, noted: &[Noted]) -> String {
    let mut text = String::new();
    for (unit, some) in units(lease, noted).zip(noted.chunks(AT_ONCE)) {
        for file in some {
            let Noted { label, file, .. } = file;
            text.push_str(&format!(
                "-- {label} ({file}): changed in nothing that it does\n"
            ));
        }
        text.push_str(&driver.render(&unit));
        text.push('\n');
    }
    text
}
