//! Taking the accidents out of what people type: widths, blanks, invisible characters.

/// Whether a character is nothing to the eye: blanks of every width, byte order marks, zero-width joiners.
pub fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{00ad}')
}

/// A full-width character of the ASCII range as the half-width one: Ａ A, ０ 0, （ (.
pub fn half_width(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        '\u{3000}' | '\u{00a0}' => ' ',
        _ => c,
    }
}

/// Half-width, without any blanks: for codes, numbers and dates.
pub fn compact(text: &str) -> String {
    text.chars().filter(|c| !is_blank(*c)).map(half_width).collect()
}

/// For comparing words: compact, lower case, without star and colon.
pub fn plain(text: &str) -> String {
    compact(text).to_lowercase().replace(['*', ':'], "")
}

/// A heading without the bracket at its end: 注册资金（万元） gives 注册资金.
pub fn without_bracket(text: &str) -> &str {
    let trimmed = text.trim_end_matches(is_blank);
    if !trimmed.ends_with(['）', ')']) {
        return text;
    }
    trimmed.rfind(['（', '(']).and_then(|at| trimmed.get(..at)).unwrap_or(text)
}

/// Text as it is kept: line ends made equal, blanks at both ends of it cut.
pub fn kept(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n").trim_matches(is_blank).to_owned()
}

/// A text that belongs on one line: line ends and tabs, with the blanks around them, are one blank.
pub fn one_line(text: &str) -> String {
    let parts = text.split(['\n', '\r', '\t']).map(|part| part.trim_matches(is_blank));
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Whether a text has characters that no form shows and no file format carries safely. Line feed and tab are fine.
pub fn has_invisible(text: &str) -> bool {
    text.chars().any(|c| {
        (c.is_control() && !matches!(c, '\n' | '\t')) || matches!(c, '\u{fffe}' | '\u{ffff}' | '\u{fffd}')
    })
}

/// Whether a text is one of the ways to write "nothing": 无, —, 空, -, /.
pub fn means_nothing(text: &str) -> bool {
    let word = compact(text);
    word.is_empty()
        || word.chars().all(|c| matches!(c, '-' | '—' | '–' | '―' | '─' | '/'))
        || matches!(word.as_str(), "无" | "空" | "暂无" | "无。")
}
