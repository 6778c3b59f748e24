//! What other migration tools leave behind: their files, read as they are, and their histories.

pub mod histories;
pub mod layouts;

pub use histories::Histories;
pub use layouts::{layout_by_name, layouts};
