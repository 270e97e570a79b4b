//! A small table on standard output.

/// Prints a title and rows; the first row is the head, and the first column stands left.
pub(crate) fn print<const COLUMNS: usize>(title: &str, rows: &[[String; COLUMNS]]) {
    let mut widths = [0; COLUMNS];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    println!("\n{title}\n");
    for row in rows {
        let cells =
            row.iter().zip(widths).enumerate().map(|(column, (cell, width))| match column {
                0 => format!("{cell:<width$}"),
                _ => format!("{cell:>width$}"),
            });
        println!("  {}", cells.collect::<Vec<_>>().join("   ").trim_end());
    }
}
