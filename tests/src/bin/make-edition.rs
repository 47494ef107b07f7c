//! Makes the compact edition of the table of divisions that Huiliu ships.
//!
//! `make-edition DIVISIONS.csv RETIRED.csv 2023-06-30 OUT.zst`: reads code,name,level,parent and
//! code,name,level,retired_on,successor; leaves villages out; writes the canonical text, zstd level 19.

use huiliu_core::model::divisions::{Divisions, EditionRow, write_edition};
use huiliu_core::model::ids::Level;
use std::error::Error;
use std::fs;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [divisions, retired, edition, out] = arguments.as_slice() else {
        return Err("usage: make-edition DIVISIONS.csv RETIRED.csv EDITION OUT.zst".into());
    };
    let mut rows = Vec::new();
    for line in fs::read_to_string(divisions)?.lines().skip(1) {
        let columns: Vec<&str> = line.split(',').collect();
        let [code, name, _, parent] = columns.as_slice() else {
            return Err(format!("bad row: {line}").into());
        };
        rows.push(row(code, name, parent, "", "")?);
    }
    rows.retain(|row| row.code.level() != Level::Village);
    for line in fs::read_to_string(retired)?.lines().skip(1) {
        let columns: Vec<&str> = line.split(',').collect();
        let [code, name, _, ended, successor] = columns.as_slice() else {
            return Err(format!("bad row: {line}").into());
        };
        let parent = code.get(..4).unwrap_or_default();
        rows.push(row(code, name, parent, ended, successor)?);
    }
    let count = rows.len();
    let text = write_edition(edition, rows);
    let tree = Divisions::parse(&text)?;
    assert_eq!(tree.len(), count, "every row is read again");
    let packed = zstd::encode_all(text.as_bytes(), 19)?;
    fs::write(out, &packed)?;
    eprintln!("{count} divisions, {} bytes of text, {} bytes packed", text.len(), packed.len());
    Ok(())
}

fn row(
    code: &str,
    name: &str,
    parent: &str,
    ended: &str,
    successor: &str,
) -> Result<EditionRow, Box<dyn Error>> {
    let parent = if parent.is_empty() { None } else { Some(parent.parse()?) };
    let valid_to = if ended.is_empty() { None } else { Some(ended.parse().map_err(|_| "bad day")?) };
    let successors = if successor.is_empty() { Vec::new() } else { vec![successor.parse()?] };
    Ok(EditionRow {
        code: code.parse()?,
        valid_from: None,
        valid_to,
        name: name.to_owned(),
        parent,
        successors,
    })
}
