//! Tables of codes: what documents hold, what people read, and the words that lists use.

use super::messages::Lang;
use super::values::text::plain;

/// A table of codes.
#[derive(PartialEq, Debug)]
pub struct CodeTable {
    /// What the table is called in templates.
    pub label: &'static str,
    /// The codes, in the order of lists.
    pub codes: &'static [Code],
}

/// One code.
#[derive(PartialEq, Debug)]
pub struct Code {
    /// What documents and JSON hold: `ST`.
    pub code: &'static str,
    /// What a clerk reads: 社会团体.
    pub label: &'static str,
    /// The same in English.
    pub label_en: &'static str,
    /// Other words for it: 民非.
    pub synonyms: &'static [&'static str],
}

impl CodeTable {
    /// The entry of a code exactly as documents hold it.
    pub fn get(&self, code: &str) -> Option<&'static Code> {
        self.codes.iter().find(|entry| entry.code == code)
    }

    /// The entry that a word means: code, label, English label or synonym; case and blanks do not matter.
    pub fn find(&self, word: &str) -> Option<&'static Code> {
        let word = plain(word);
        let means = |other: &str| !word.is_empty() && plain(other) == word;
        let by = |test: &dyn Fn(&Code) -> bool| self.codes.iter().find(|entry| test(entry));
        by(&|entry| means(entry.code) || means(entry.label))
            .or_else(|| by(&|entry| means(entry.label_en) || entry.synonyms.iter().any(|s| means(s))))
    }

    /// The labels, for a sentence: 社会团体、基金会.
    pub fn labels(&self, lang: Lang) -> String {
        let labels: Vec<&str> =
            self.codes.iter().map(|entry| lang.pick(entry.label, entry.label_en)).collect();
        labels.join(lang.pick("、", ", "))
    }
}
