//! Money between 万元, 元 and fen.

/// What a number without a unit means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Bare {
    /// 1 is 10,000 yuan.
    TenThousandYuan,
    /// 1 is one fen.
    Fen,
}

const FEN_OF_YUAN: i64 = 100;
const FEN_OF_TEN_THOUSAND: i64 = 1_000_000;

/// Reads an amount written in half-width characters without blanks; exact, in fen. `None`: no amount.
pub(super) fn read(text: &str, bare: Bare) -> Option<i64> {
    let text = text.trim_start_matches(['¥', '￥']).trim_start_matches("人民币").trim_end_matches('整');
    let units = [
        ("亿元", 100_000_000 * FEN_OF_YUAN),
        ("亿", 100_000_000 * FEN_OF_YUAN),
        ("万元人民币", FEN_OF_TEN_THOUSAND),
        ("万元", FEN_OF_TEN_THOUSAND),
        ("万", FEN_OF_TEN_THOUSAND),
        ("元人民币", FEN_OF_YUAN),
        ("元", FEN_OF_YUAN),
        ("分", 1),
    ];
    let unit = units.iter().find_map(|(name, fen)| Some((text.strip_suffix(name)?, *fen)));
    let (number, fen) = unit.unwrap_or(match bare {
        Bare::TenThousandYuan => (text, FEN_OF_TEN_THOUSAND),
        Bare::Fen => (text, 1),
    });
    decimal(number, fen)
}

/// A decimal number times `unit`, if that is a whole number: no amount is ever rounded.
fn decimal(text: &str, unit: i64) -> Option<i64> {
    let text = text.replace(',', "");
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit()) && text.len() <= 18;
    if !digits(whole) || !digits(part) || (whole.is_empty() && part.is_empty()) {
        return None;
    }
    let mut sum = if whole.is_empty() { 0 } else { whole.parse::<i64>().ok()?.checked_mul(unit)? };
    let mut unit = unit;
    for digit in part.trim_end_matches('0').bytes() {
        if unit % 10 != 0 {
            return None;
        }
        unit /= 10;
        sum = sum.checked_add(i64::from(digit - b'0') * unit)?;
    }
    Some(sum)
}

/// An amount in 万元, exact: 3万元, 0.5万元, 0.000001万元.
pub(super) fn show(fen: i64) -> String {
    let sign = if fen < 0 { "-" } else { "" };
    let fen = fen.unsigned_abs();
    let (whole, part) = (fen / FEN_OF_TEN_THOUSAND as u64, fen % FEN_OF_TEN_THOUSAND as u64);
    let part = format!("{part:06}");
    match part.trim_end_matches('0') {
        "" => format!("{sign}{whole}万元"),
        part => format!("{sign}{whole}.{part}万元"),
    }
}
