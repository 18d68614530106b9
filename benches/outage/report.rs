//! Tables in Markdown.

use std::{fmt::Write as _, fs, io, path::Path};

use crate::{
    Cell,
    tally::{FIGURES, median},
};

/// One table for each incident.
pub(crate) fn tables(cells: &[Cell]) -> String {
    let mut text = String::new();
    for same in cells.chunk_by(|one, other| one.incident == other.incident) {
        let _ = write!(text, "### {}\n\n| stack |", same[0].incident.name());
        FIGURES.iter().for_each(|figure| {
            let _ = write!(text, " {} |", figure.name);
        });
        let _ = writeln!(text, "\n|---|{}", "---|".repeat(FIGURES.len()));
        for cell in same {
            let _ = write!(text, "| {} |", cell.stack.name());
            for figure in &FIGURES {
                let written = median(&cell.runs, figure.of).map_or("-".to_owned(), figure.write);
                let _ = write!(text, " {written} |");
            }
            text.push('\n');
        }
        text.push('\n');
    }
    text
}

/// Into the folder of this bench.
pub(crate) fn write(cells: &[Cell]) -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("outage");
    fs::write(folder.join("tables.md"), tables(cells))
}
