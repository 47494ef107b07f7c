//! The house rules that the compiler cannot check: who may name what, how long a file may be, which words are not used,
//! and that the README's map and promises are true.
//!
//! Each test prints every place that breaks its rule, and where the thing belongs.

mod layers;
mod readme;
mod source;

use source::{CRATES, Source, is_test, sources, walk};

/// Fails with the list of what is wrong, if anything is.
fn none(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "\n\n{}\n\n", wrong.join("\n"));
}

/// No file is longer. Think again at 400.
const MOST_LINES: usize = 450;

#[test]
fn files_can_be_read_in_one_sitting() {
    let too_long = |source: &Source| {
        let tell = || {
            format!(
                "{}: {} lines, at most {MOST_LINES}: split it by what it is about",
                source.path, source.lines
            )
        };
        (source.lines > MOST_LINES).then(tell)
    };
    let wrong: Vec<String> = sources().iter().filter_map(too_long).collect();
    none(wrong);
}

/// Words that name nothing of the office or the field.
const EMPTY_WORDS: [&str; 6] = ["manager", "managers", "helper", "helpers", "util", "utils"];

#[test]
fn names_are_words_of_the_office_and_of_the_field() {
    let mut wrong = Vec::new();
    for folder in CRATES {
        let (folders, files) = walk(folder);
        for path in folders.iter().chain(&files) {
            let name = path.rsplit('/').next().unwrap_or(path);
            if says_nothing(name.split('.').next().unwrap_or(name)) {
                wrong.push(format!(
                    "{path}: name it after what it does, in the words of the office or the field"
                ));
            }
        }
    }
    for source in sources() {
        for pair in source.tokens.windows(2) {
            let names = ["mod", "struct", "enum", "trait", "type", "union"].contains(&pair[0].text.as_str());
            if names && says_nothing(&pair[1].text) {
                let (path, line, name) = (&source.path, pair[1].line, &pair[1].text);
                wrong.push(format!("{path}:{line}: `{name}`: name it after what it does"));
            }
        }
    }
    none(wrong);
}

/// Whether one of the words in a name is an empty one: `LinkManager`, `row_util`.
fn says_nothing(name: &str) -> bool {
    let mut words = vec![String::new()];
    for c in name.chars() {
        if c.is_uppercase() || !c.is_alphanumeric() {
            words.push(String::new());
        }
        words.last_mut().expect("one was pushed").extend(c.to_lowercase().filter(|c| c.is_alphanumeric()));
    }
    words.iter().any(|word| EMPTY_WORDS.contains(&word.as_str()))
}

#[test]
fn empty_words_are_found_inside_names() {
    assert!(["LinkManager", "row_util", "helpers", "Util"].into_iter().all(says_nothing));
    assert!(
        ["utility_bill", "Manage", "management_mode", "Futile"].into_iter().all(|name| !says_nothing(name))
    );
}

/// Where something may be printed: what people asked a command for, and what went wrong at the very end.
const PRINTERS: [&str; 6] = [
    "node/src/main.rs",
    "hub/src/main.rs",
    "hub/src/demo/mod.rs",
    "shared/replica/src/commands/",
    "shared/replica/src/commands.rs",
    "tests/",
];

#[test]
fn only_commands_print() {
    let mut wrong = Vec::new();
    for source in sources() {
        if PRINTERS.iter().any(|printer| source.path.starts_with(printer)) || is_test(&source.path) {
            continue;
        }
        for pair in source.tokens.windows(2) {
            let prints = ["println", "print", "eprintln", "eprint", "dbg"].contains(&pair[0].text.as_str());
            if prints && pair[1].text == "!" {
                let (path, line, name) = (&source.path, pair[0].line, &pair[0].text);
                wrong.push(format!(
                    "{path}:{line}: {name}! prints behind the command's back: return it, or use tracing"
                ));
            }
        }
    }
    none(wrong);
}

/// Everything that stands at the top, beside names that begin with a dot and what git ignores.
const TOP: [&str; 13] = [
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "clippy.toml",
    "deny.toml",
    "deploy",
    "hub",
    "node",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "shared",
    "tests",
];

#[test]
fn the_top_level_stays_as_it_is() {
    let entries = std::fs::read_dir(source::root()).expect("the repository reads");
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let strange = names.filter(|name| !name.starts_with('.') && name != "target" && !name.ends_with(".tmp"));
    let strange = strange.filter(|name| !TOP.contains(&name.as_str()));
    none(
        strange
            .map(|name| format!("{name}: nothing new at the top; it belongs in shared, tests or deploy"))
            .collect(),
    );
}
