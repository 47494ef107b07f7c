//! The guard against formulas: a text that a spreadsheet would run gets an apostrophe before it, and loses it again
//! on the way in, so that an export and an import are the same whatever the text is.

/// Whether a spreadsheet might run the text, or cut it: the first visible character of any of its lines is one of
/// `= + - @`, full-width or not, or a tab stands there.
fn is_dangerous(text: &str) -> bool {
    text.split(['\n', '\r']).any(|line| {
        let start = line.trim_start_matches(|c: char| c != '\t' && (c.is_whitespace() || is_hidden(c)));
        start.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠', '\t'])
    })
}

fn is_hidden(c: char) -> bool {
    matches!(c, '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{2060}')
}

/// Whether a text needs an apostrophe in csv: it is dangerous, or looks like a text that got one.
fn needs(text: &str) -> bool {
    let bare = text.trim_start_matches('\'');
    is_dangerous(text) || (bare.len() < text.len() && is_dangerous(bare))
}

/// The text as csv carries it.
pub fn for_csv(text: &str) -> String {
    if needs(text) { format!("'{text}") } else { text.to_owned() }
}

/// The text as a workbook's text cell carries it: such a cell never runs, but an apostrophe must survive.
pub fn for_workbook(text: &str) -> String {
    if text.starts_with('\'') { for_csv(text) } else { text.to_owned() }
}

/// The text without the apostrophe that [`for_csv`] or [`for_workbook`] gave it.
pub fn strip(text: &str) -> &str {
    text.strip_prefix('\'').filter(|rest| needs(rest)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_survives_and_none_runs() {
        let texts = [
            "=1+1",
            "+86",
            "-1",
            "@SUM(A1)",
            "\t=1",
            " =1",
            "\u{a0}=1",
            "　＝1",
            "＋1",
            "－1",
            "＠x",
            "甲\n=1",
            "甲\r+1",
            "'=1",
            "''=1",
            "'甲",
            "甲",
            "",
            "'",
            "海曙区-月湖",
            "\u{feff}=1",
            "1-2",
            "'\n=1",
            "'a\n=1",
        ];
        for text in texts {
            assert_eq!(strip(&for_csv(text)), text, "{text:?}");
            assert_eq!(strip(&for_workbook(text)), text, "{text:?}");
        }
        for text in &texts[..13] {
            assert_eq!(for_csv(text), format!("'{text}"));
        }
        assert_eq!(for_csv("海曙区-月湖"), "海曙区-月湖");
        assert_eq!(for_workbook("=1+1"), "=1+1");
    }
}
