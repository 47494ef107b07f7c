//! The README is read as a promise: its map names every folder, and each test it names exists.

use crate::none;
use crate::source::{CRATES, root, text, tokens, walk};
use std::collections::BTreeSet;

/// The text from a heading to the next of the same rank.
fn section<'a>(readme: &'a str, heading: &str) -> &'a str {
    let (_, rest) =
        readme.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no section {heading}"));
    rest.split("\n## ").next().unwrap_or(rest)
}

/// The first word of every line of the map that is a path.
fn map() -> BTreeSet<String> {
    let readme = text("README.md");
    let block =
        section(&readme, "The map").split("```").nth(1).expect("the map is a block of code").to_owned();
    let words =
        block.lines().filter_map(|line| line.split_whitespace().next().filter(|_| !line.starts_with(' ')));
    words.map(|word| word.trim_end_matches('/').to_owned()).collect()
}

/// Every crate, and every folder right below its `src` and `tests`.
fn folders() -> BTreeSet<String> {
    let mut found: BTreeSet<String> = CRATES.iter().map(|folder| (*folder).to_owned()).collect();
    for folder in CRATES {
        for within in [format!("{folder}/src"), format!("{folder}/tests")] {
            if root().join(&within).is_dir() {
                let direct = |path: &&String| path[within.len() + 1..].split('/').count() == 1;
                found.extend(walk(&within).0.iter().filter(direct).cloned());
            }
        }
    }
    found
}

#[test]
fn the_map_names_every_folder_and_nothing_else() {
    let map = map();
    let missing = folders().into_iter().filter(|folder| !map.contains(folder));
    let mut wrong: Vec<String> = missing
        .map(|folder| format!("README.md: the map lacks {folder}/: add a line that says what it is"))
        .collect();
    let gone = map.iter().filter(|path| !root().join(path).exists());
    wrong.extend(gone.map(|path| format!("README.md: the map names {path}, which does not exist")));
    none(wrong);
}

#[test]
fn every_test_that_a_promise_names_exists() {
    let readme = text("README.md");
    let mut functions = BTreeSet::new();
    for folder in CRATES {
        for path in walk(folder).1.iter().filter(|path| path.ends_with(".rs")) {
            let tokens = tokens(&text(path));
            let named =
                tokens.windows(2).filter(|pair| pair[0].text == "fn").map(|pair| pair[1].text.clone());
            functions.extend(named);
        }
    }
    let promises = section(&readme, "The promises");
    let quoted: Vec<&str> = promises.split('`').skip(1).step_by(2).collect();
    let tests: Vec<&str> = quoted.into_iter().filter(|word| word.matches('_').count() > 1).collect();
    assert!(tests.len() > 10, "the promises name their tests");
    let gone = tests.iter().filter(|test| !functions.contains(**test));
    none(
        gone.map(|test| format!("README.md: a promise names the test `{test}`, which does not exist"))
            .collect(),
    );
}
