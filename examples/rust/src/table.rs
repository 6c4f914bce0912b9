//! Tables for a terminal, in which a Chinese character is two columns wide.

use unicode_width::UnicodeWidthStr;

/// A table in the making.
pub(crate) struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    /// Columns whose entries stand at the right: numbers.
    right: Vec<usize>,
}

impl Table {
    /// A table with these headings; one that begins with `>` stands at the right.
    pub(crate) fn new(headings: &[&'static str]) -> Table {
        let right =
            headings.iter().enumerate().filter(|(_, heading)| heading.starts_with('>')).map(|(at, _)| at);
        Table {
            right: right.collect(),
            headings: headings.iter().map(|heading| heading.trim_start_matches('>')).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.into());
    }

    /// Prints it.
    pub(crate) fn print(&self) {
        let width = |at: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.width());
            cells.chain([self.headings[at].width()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.headings.len()).map(width).collect();
        let headings: Vec<String> = self.headings.iter().map(|heading| (*heading).to_owned()).collect();
        self.print_row(&headings, &widths);
        let line: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
        println!("  {}", line.join("  "));
        for row in &self.rows {
            self.print_row(row, &widths);
        }
    }

    fn print_row(&self, row: &[String], widths: &[usize]) {
        let mut line = String::from("  ");
        for (at, (cell, width)) in row.iter().zip(widths).enumerate() {
            let space = " ".repeat(width - cell.width());
            if self.right.contains(&at) {
                line.push_str(&space);
                line.push_str(cell);
            } else {
                line.push_str(cell);
                line.push_str(&space);
            }
            line.push_str("  ");
        }
        println!("{}", line.trim_end());
    }
}
