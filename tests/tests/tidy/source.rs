//! Reads the repository as text: manifests, and Rust sources as tokens without comments, strings and tests.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository").to_owned()
}

/// The crates, by the folder they live in.
pub(crate) const CRATES: [&str; 8] =
    ["shared/core", "shared/store", "shared/link", "shared/web", "shared/replica", "node", "hub", "tests"];

/// Every folder below `within`, as paths from the root, and every file.
pub(crate) fn walk(within: &str) -> (Vec<String>, Vec<String>) {
    let (mut folders, mut files) = (Vec::new(), Vec::new());
    let mut open = vec![within.to_owned()];
    while let Some(folder) = open.pop() {
        let entries = fs::read_dir(root().join(&folder)).unwrap_or_else(|e| panic!("read {folder}: {e}"));
        for entry in entries.map(|entry| entry.expect("a folder entry reads")) {
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if entry.file_type().expect("a type").is_dir() {
                open.push(path.clone());
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    folders.sort();
    files.sort();
    (folders, files)
}

/// The text of a file.
pub(crate) fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("read {path}: {e}"))
}

/// A manifest's sections: for each, the keys and what follows them.
pub(crate) fn manifest(path: &str) -> BTreeMap<String, Vec<(String, String)>> {
    let mut sections: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    let mut section = String::new();
    for line in text(path).lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']').to_owned();
        } else if let Some((key, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) {
            let entry = (key.trim().to_owned(), value.trim().to_owned());
            sections.entry(section.clone()).or_default().push(entry);
        }
    }
    sections
}

/// The names of the packages in a section of a manifest: `tokio.workspace` is tokio.
pub(crate) fn packages(manifest: &BTreeMap<String, Vec<(String, String)>>, section: &str) -> Vec<String> {
    let entries = manifest.get(section).into_iter().flatten();
    entries.map(|(key, _)| key.split('.').next().unwrap_or(key).to_owned()).collect()
}

/// A word or a sign of a source, and its line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
}

/// A Rust source.
pub(crate) struct Source {
    /// From the root.
    pub(crate) path: String,
    /// How many lines it has, tests included.
    pub(crate) lines: usize,
    /// Its tokens, tests left out.
    pub(crate) tokens: Vec<Token>,
}

/// Every Rust source of the repository; `tests` is one of the crates.
pub(crate) fn sources() -> Vec<Source> {
    let mut all = Vec::new();
    for folder in CRATES {
        for path in walk(folder).1.into_iter().filter(|path| path.ends_with(".rs")) {
            let text = text(&path);
            let tokens = if is_test(&path) { Vec::new() } else { without_tests(tokens(&text)) };
            all.push(Source { lines: text.lines().count(), path, tokens });
        }
    }
    all
}

/// A file of tests only: `tests.rs`, `..._tests.rs`, or below a crate's `tests/` or a module's.
pub(crate) fn is_test(path: &str) -> bool {
    let inside = path.strip_prefix("tests/").unwrap_or(path);
    inside.starts_with("tests/") || inside.contains("/tests/") || path.ends_with("tests.rs")
}

/// Words and signs; `::` is one sign. Comments and strings are left out, a string is the sign `"`.
pub(crate) fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while let Some(first) = rest.chars().next() {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(length) = raw_string(rest).or_else(|| string(rest)) {
            found.push(Token { text: "\"".into(), line });
            length
        } else if first == '\'' {
            character(rest)
        } else if first.is_alphanumeric() || first == '_' {
            let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            found.push(Token { text: rest[..length].into(), line });
            length
        } else {
            let length = if rest.starts_with("::") { 2 } else { first.len_utf8() };
            if !first.is_whitespace() {
                found.push(Token { text: rest[..length].into(), line });
            }
            length
        };
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    found
}

/// The length of a raw string at the beginning, if there is one.
fn raw_string(rest: &str) -> Option<usize> {
    let after = rest.strip_prefix("br").or_else(|| rest.strip_prefix('r'))?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let body = after[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let found = body.find(&end).unwrap_or(body.len());
    Some((rest.len() - body.len() + found + end.len()).min(rest.len()))
}

/// The length of a string at the beginning, if there is one.
fn string(rest: &str) -> Option<usize> {
    let body = rest.strip_prefix("b\"").or_else(|| rest.strip_prefix('"'))?;
    let mut escaped = false;
    let end = body.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    Some(rest.len() - body.len() + end.map_or(body.len(), |end| end + 1))
}

/// The length of a character, or of the sign that begins a lifetime.
fn character(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some((at, _))) => rest[at + 1..].find('\'').map_or(rest.len(), |end| at + end + 2),
        (Some(_), Some((at, '\''))) => at + 1,
        _ => 1,
    }
}

/// Leaves out what stands under `#[cfg(test)]` and `#[test]`.
fn without_tests(tokens: Vec<Token>) -> Vec<Token> {
    let mut kept = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        let says = |words: &[&str]| words.iter().zip(&tokens[at..]).all(|(word, token)| token.text == *word);
        if says(&["#", "[", "cfg", "(", "test", ")", "]"]) || says(&["#", "[", "test", "]"]) {
            at = end_of_item(&tokens, at);
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// Where the item at `at` ends: after its block, or after the `;` of one without.
fn end_of_item(tokens: &[Token], mut at: usize) -> usize {
    let mut depth = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token.text.as_str() {
            "{" | "(" | "[" => depth += 1,
            "}" | ")" | "]" => {
                depth -= 1;
                if depth == 0 && token.text == "}" {
                    return at;
                }
            }
            ";" if depth == 0 => return at,
            _ => {}
        }
    }
    at
}

/// A path that a source names, group by group: `use a::{b, c::d}` names a::b and a::c::d.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Named {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
}

impl Named {
    /// `a::b`.
    pub(crate) fn text(&self) -> String {
        self.path.join("::")
    }

    /// Whether it is `prefix` or something in it.
    pub(crate) fn is_within(&self, prefix: &str) -> bool {
        let mut own = self.path.iter();
        prefix.split("::").all(|part| own.next().is_some_and(|own| own == part))
    }
}

/// Every path of two or more parts that a source names, and every root that it imports.
pub(crate) fn named(tokens: &[Token]) -> Vec<Named> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let before = at.checked_sub(1).map_or("", |before| tokens[before].text.as_str());
        let is_root = is_word(&tokens[at]) && before != "." && before != "::";
        let starts = tokens.get(at + 1).is_some_and(|next| next.text == "::");
        if is_root && (starts || before == "use") {
            at = expand(tokens, at, &[], &mut found).max(at + 1);
        } else {
            at += 1;
        }
    }
    found
}

fn is_word(token: &Token) -> bool {
    token.text.chars().next().is_some_and(|first| first.is_alphabetic() || first == '_')
}

/// Follows the path at `at`, after `prefix`; returns where it ends.
fn expand(tokens: &[Token], mut at: usize, prefix: &[String], found: &mut Vec<Named>) -> usize {
    let mut path = prefix.to_vec();
    let line = tokens.get(at).map_or(0, |token| token.line);
    loop {
        match tokens.get(at).map(|token| (token.text.as_str(), token)) {
            Some(("{", _)) => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token.text != "}") {
                    at = expand(tokens, at, &path, found);
                    // Another name (`as Map`), `*` and the comma name nothing further.
                    while tokens.get(at).is_some_and(|token| token.text != "," && token.text != "}") {
                        at += 1;
                    }
                    at += usize::from(tokens.get(at).is_some_and(|token| token.text == ","));
                }
                return at + 1;
            }
            Some((_, token)) if is_word(token) => path.push(token.text.clone()),
            _ => break,
        }
        at += 1;
        if tokens.get(at).is_none_or(|token| token.text != "::") {
            break;
        }
        at += 1;
    }
    if path.len() > prefix.len() {
        found.push(Named { path, line });
    }
    at
}

#[test]
fn paths_are_read_through_groups_comments_and_strings() {
    let text = r##"
        use std::{fs, collections::{BTreeMap, HashMap as Map}}; // use quinn::Endpoint;
        fn f<'a>(c: &'a str) { let q = '"'; let s = "tokio::spawn \" x"; crate::sync::feed::go(r#"sled::Db"#) }
        #[cfg(test)]
        mod tests { use tokio::time; fn g() { std::net::x() } }
        fn after() -> serde::Value {}
    "##;
    let found: Vec<String> = named(&without_tests(tokens(text))).iter().map(Named::text).collect();
    let expected = [
        "std::fs",
        "std::collections::BTreeMap",
        "std::collections::HashMap",
        "crate::sync::feed::go",
        "serde::Value",
    ];
    assert_eq!(found, expected);
}
