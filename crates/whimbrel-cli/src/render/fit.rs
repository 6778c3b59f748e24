//! A table on a terminal: no line is wider than the window.

use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width};

/// Columns that may go, the least missed first.
const OPTIONAL: [usize; 4] = [6, 5, 3, 4];
/// The column that is cut, and what is left of it at least.
const NAME: usize = 1;
const SHORTEST_NAME: u16 = 24;
/// Of each column.
const PADDING: u16 = 2;

/// The window's width; none where there is no window.
pub(super) fn window() -> Option<u16> {
    Table::new().width()
}

/// Leaves columns out, then cuts names.
pub(super) fn fit(table: &mut Table, width: u16) {
    let mut widths = table.column_max_content_widths();
    let total = |widths: &[u16]| -> u16 { widths.iter().map(|width| width + PADDING).sum() };
    let Some(&name) = widths.get(NAME) else {
        return;
    };
    let shortest = name.min(SHORTEST_NAME);
    let mut hidden = Vec::new();
    for column in OPTIONAL {
        let without: u16 = hidden
            .iter()
            .map(|&gone: &usize| widths[gone] + PADDING)
            .sum();
        if total(&widths) - without - name + shortest <= width {
            break;
        }
        hidden.push(column);
    }
    for &column in &hidden {
        if let Some(column) = table.column_mut(column) {
            column.set_constraint(ColumnConstraint::Hidden);
        }
    }
    let without: u16 = hidden.iter().map(|&gone| widths[gone] + PADDING).sum();
    let all = total(&widths) - without;
    if all > width {
        widths[NAME] = name.saturating_sub(all - width).max(shortest);
        let fixed = Width::Fixed(widths[NAME] + PADDING);
        if let Some(column) = table.column_mut(NAME) {
            column.set_constraint(ColumnConstraint::Absolute(fixed));
        }
        table
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(width.max(all - name + widths[NAME]))
            .set_truncation_indicator("\u{2026}");
        for row in table.row_iter_mut() {
            row.max_height(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use comfy_table::presets;

    use super::*;

    fn lines(width: u16) -> Vec<String> {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).force_no_tty();
        table.set_header(["version", "name", "state", "batch", "applied", "took", "by"]);
        let long = "a_name_that_somebody_copied_from_the_title_of_a_ticket";
        for name in [long, "表を追加する_日本語"] {
            table.add_row([
                "007",
                name,
                "applied",
                "1",
                "2026-11-21T11:34:32Z",
                "12 ms",
                "ada@here",
            ]);
        }
        fit(&mut table, width);
        table.trim_fmt().lines().map(str::to_owned).collect()
    }

    #[test]
    fn narrow_windows_lose_columns_then_names() {
        assert!(lines(200)[1].contains("title_of_a_ticket") && lines(200)[1].ends_with("ada@here"));
        let [_, wide, _] = lines(100).try_into().unwrap();
        assert!(wide.contains("copied_from_\u{2026}  applied  1") && wide.ends_with("ada@here"));
        let [_, narrow, foreign] = lines(50).try_into().unwrap();
        assert_eq!(
            narrow,
            " 007      a_name_that_somebody_copied_f\u{2026}  applied"
        );
        assert_eq!(foreign, " 007      表を追加する_日本語             applied");
        assert_eq!(lines(10).len(), 3);
    }
}
