//! The cells of a table while it is read: what they may hold together, counted as it comes, and equal texts kept once.

use super::guard;
use super::read::{Cell, LONGEST_TEXT, MOST_CELLS, MOST_COLUMNS, MOST_TEXT};
use huiliu_core::model::Trouble;
use std::collections::HashSet;
use std::sync::Arc;

/// So many different texts are known again. What is repeated in a list, such as a type or a street, is among the first of
/// them; names and numbers come once, and to remember each would take more memory than they do.
const MOST_KNOWN: usize = 65_536;

/// The cells that were read so far.
#[derive(Default)]
pub(super) struct Cells {
    known: HashSet<Arc<str>>,
    /// All of it, however often one text is repeated.
    bytes: usize,
    cells: usize,
}

impl Cells {
    /// The cell of a text; one that shows nothing is empty.
    pub(super) fn text(&mut self, text: &str) -> Result<Cell, Trouble> {
        let text = guard::strip(text);
        if is_long(text) {
            return Err(Trouble::LongText { max: LONGEST_TEXT });
        }
        self.bytes += text.len();
        if self.bytes > MOST_TEXT {
            return Err(Trouble::TooMuchText { megabytes: MOST_TEXT >> 20 });
        }
        if let Some(known) = self.known.get(text) {
            return Ok(Cell::Text(known.clone()));
        }
        let fresh = Cell::Text(text.into());
        if fresh.is_empty() {
            return Ok(Cell::Empty);
        }
        if let Cell::Text(text) = &fresh
            && self.known.len() < MOST_KNOWN
        {
            self.known.insert(text.clone());
        }
        Ok(fresh)
    }

    /// Puts a cell into its column of a row. Those on its left that are empty take room too.
    pub(super) fn put(&mut self, row: &mut Vec<Cell>, column: usize, cell: Cell) -> Result<(), Trouble> {
        if column >= MOST_COLUMNS {
            return Err(Trouble::TooManyColumns { max: MOST_COLUMNS });
        }
        if cell.is_empty() {
            return Ok(());
        }
        if row.len() <= column {
            self.cells += column + 1 - row.len();
            row.resize(column + 1, Cell::Empty);
        }
        if self.cells > MOST_CELLS {
            return Err(Trouble::TooManyCells { max: MOST_CELLS });
        }
        if let Some(place) = row.get_mut(column) {
            *place = cell;
        }
        Ok(())
    }
}

/// Whether a text has more characters than the cell of a spreadsheet.
fn is_long(text: &str) -> bool {
    text.len() > LONGEST_TEXT && text.chars().count() > LONGEST_TEXT
}
