//! Tables: Markdown that also reads well in a terminal.

use std::fmt;
use std::iter;

/// Cells in rows and columns.
#[derive(Debug)]
pub struct Table {
    /// So many columns are flush left, the others right.
    left: usize,
    /// The first are the heads of the columns.
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these heads of columns: some flush left, for words, then some flush right, for figures.
    pub fn new<'a>(left: impl IntoIterator<Item = &'a str>, right: impl IntoIterator<Item = &'a str>) -> Self {
        let mut head: Vec<_> = left.into_iter().map(escape).collect();
        let left = head.len();
        head.extend(right.into_iter().map(escape));
        Self { left, rows: vec![head] }
    }

    /// Adds a row; cells that are missing stay empty.
    pub fn row<S: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = S>) {
        self.rows.push(cells.into_iter().map(|cell| escape(cell.as_ref())).collect());
    }

    /// How wide each column is: like its widest cell.
    fn widths(&self) -> Vec<usize> {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        (0..self.rows[0].len()).map(width).collect()
    }

    fn line(&self, row: &[String], widths: &[usize]) -> String {
        let cells = row.iter().map(String::as_str).chain(iter::repeat("")).zip(widths).enumerate();
        let cells = cells.map(|(column, (cell, width))| {
            let width = *width;
            if column < self.left { format!(" {cell:<width$} |") } else { format!(" {cell:>width$} |") }
        });
        iter::once("|".to_owned()).chain(cells).collect()
    }

    /// What stands below the heads, and tells Markdown which columns are flush right.
    fn rule(&self, widths: &[usize]) -> String {
        let end = |column| if column < self.left { "-|" } else { ":|" };
        let dashes = widths.iter().enumerate().map(|(column, width)| "-".repeat(width + 1) + end(column));
        iter::once("|".to_owned()).chain(dashes).collect()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        write!(f, "{}\n{}", self.line(&self.rows[0], &widths), self.rule(&widths))?;
        self.rows[1..].iter().try_for_each(|row| write!(f, "\n{}", self.line(row, &widths)))
    }
}

fn escape(cell: &str) -> String {
    cell.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(["server"], ["µs", "ratio"]);
        table.row(["a|b", "1.5"]);
        table.row(["mio loop", "12.25", "≤ 1.03"]);
        let lines = [
            r"| server   |    µs |  ratio |",
            r"|----------|------:|-------:|",
            r"| a\|b     |   1.5 |        |",
            r"| mio loop | 12.25 | ≤ 1.03 |",
        ];
        assert_eq!(table.to_string(), lines.join("\n"));
    }
}
