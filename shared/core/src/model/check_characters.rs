//! Check characters: the unified social credit code (GB 32100-2015), the organization code within it (GB 11714)
//! and the citizen identity number (GB 11643).
//!
//! Every function tells the character it expected, so that a sentence can say 「第18位应为 A」.

/// The 31 characters of GB 32100-2015: digits and capitals without I, O, S, V, Z.
const USCC: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";

/// What is wrong with a unified social credit code (GB 32100-2015).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UsccFault {
    /// Not 18 characters.
    Length {
        /// How many there are.
        found: usize,
    },
    /// A character that the standard does not use.
    Character {
        /// Where, from 1.
        position: usize,
        /// Which.
        found: char,
    },
    /// Letters that look like digits; with the digits every check holds.
    Lookalike {
        /// The code that was meant.
        suggestion: String,
    },
    /// The check character of the organization code in positions 9 to 17 (GB 11714) does not fit its body.
    OrganizationCode {
        /// What position 17 should be, if positions 9 to 16 are right.
        expected: char,
    },
    /// The check character of the whole code does not fit.
    Check {
        /// What position 18 should be, if positions 1 to 17 are right.
        expected: char,
    },
}

/// Checks a unified social credit code, written in capitals and without spaces.
///
/// # Errors
/// The first thing that is wrong, in the order length, characters, organization code, whole code.
pub fn check_uscc(code: &str) -> Result<(), UsccFault> {
    let fault = match check_exact(code) {
        Ok(()) => return Ok(()),
        Err(fault) => fault,
    };
    match fault {
        UsccFault::Character { .. } => {
            Err(lookalike(code).map_or(fault, |suggestion| UsccFault::Lookalike { suggestion }))
        }
        fault => Err(fault),
    }
}

/// The code that was meant where letters stand that the standard leaves out because they look like others: O for 0,
/// I for 1, Z for 2, S for 5, and V for U or Y. Only if its check characters hold, and only if no second reading does.
fn lookalike(code: &str) -> Option<String> {
    let digits = code.replace('O', "0").replace('I', "1").replace('Z', "2").replace('S', "5");
    let mut readings = vec![digits.replace('V', "U"), digits.replace('V', "Y")];
    readings.dedup();
    readings.retain(|reading| check_exact(reading).is_ok());
    if readings.len() == 1 { readings.pop() } else { None }
}

fn check_exact(code: &str) -> Result<(), UsccFault> {
    let found = code.chars().count();
    if found != 18 {
        return Err(UsccFault::Length { found });
    }
    if let Some((at, found)) = code.chars().enumerate().find(|(_, c)| uscc_value(*c).is_none()) {
        return Err(UsccFault::Character { position: at + 1, found });
    }
    // All characters are ASCII from here on. Individual businesses (92) have bodies that are no organization codes.
    let (first, last) = (&code[..17], code.chars().last());
    if !code.starts_with("92") {
        let expected = organization_code_check(&code[8..16]);
        if expected.is_some() && expected != code[16..17].chars().next() {
            return Err(UsccFault::OrganizationCode { expected: expected.unwrap_or('0') });
        }
    }
    match uscc_check(first) {
        expected if expected == last => Ok(()),
        expected => Err(UsccFault::Check { expected: expected.unwrap_or('0') }),
    }
}

fn uscc_value(character: char) -> Option<u32> {
    USCC.iter().position(|c| char::from(*c) == character).map(|at| at as u32)
}

/// Position 18 of a unified social credit code, from the 17 before it (GB 32100-2015: weights 3^i mod 31).
pub fn uscc_check(first: &str) -> Option<char> {
    let mut weight = 1;
    let mut sum = 0;
    let mut count = 0;
    for character in first.chars() {
        sum += uscc_value(character)? * weight;
        weight = weight * 3 % 31;
        count += 1;
        if count > 17 {
            return None;
        }
    }
    // The outer remainder matters: a sum that 31 divides gives 0, not 31.
    let value = (31 - sum % 31) % 31;
    if count == 17 { USCC.get(value as usize).map(|c| char::from(*c)) } else { None }
}

/// The ninth character of an organization code, from the 8 before it (GB 11714: weights 3,7,9,10,5,8,4,2, mod 11).
pub fn organization_code_check(body: &str) -> Option<char> {
    const WEIGHTS: [u32; 8] = [3, 7, 9, 10, 5, 8, 4, 2];
    if body.chars().count() != 8 {
        return None;
    }
    let mut sum = 0;
    for (character, weight) in body.chars().zip(WEIGHTS) {
        let capital = character.is_ascii_digit() || character.is_ascii_uppercase();
        sum += weight * capital.then(|| character.to_digit(36)).flatten()?;
    }
    match 11 - sum % 11 {
        10 => Some('X'),
        11 => Some('0'),
        digit => char::from_digit(digit, 10),
    }
}

/// What is wrong with a citizen identity number (GB 11643). Says nothing of the number itself: it is a secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CitizenFault {
    /// Not 18 characters.
    Length {
        /// How many there are.
        found: usize,
    },
    /// The old form of 15 digits, out of use since 2013.
    FifteenDigits,
    /// Something else than digits before the last place, or than a digit or X in it.
    Character {
        /// Where, from 1.
        position: usize,
    },
    /// Positions 7 to 14 are no day.
    Birthday,
    /// The check character does not fit.
    Check {
        /// What position 18 should be, if positions 1 to 17 are right.
        expected: char,
    },
}

/// Checks a citizen identity number, with a capital X.
///
/// # Errors
/// The first thing that is wrong, in the order length, characters, birthday, check character.
pub fn check_citizen_id(number: &str) -> Result<(), CitizenFault> {
    let found = number.chars().count();
    if found == 15 && number.bytes().all(|b| b.is_ascii_digit()) {
        return Err(CitizenFault::FifteenDigits);
    }
    if found != 18 {
        return Err(CitizenFault::Length { found });
    }
    let bad = |(at, c): &(usize, char)| !(c.is_ascii_digit() || (*at == 17 && *c == 'X'));
    if let Some((at, _)) = number.chars().enumerate().find(bad) {
        return Err(CitizenFault::Character { position: at + 1 });
    }
    let born = format!("{}-{}-{}", &number[6..10], &number[10..12], &number[12..14]);
    if born.parse::<super::dates::Date>().is_err() {
        return Err(CitizenFault::Birthday);
    }
    match citizen_check(&number[..17]) {
        Some(expected) if number.ends_with(expected) => Ok(()),
        expected => Err(CitizenFault::Check { expected: expected.unwrap_or('0') }),
    }
}

/// Position 18 of a citizen identity number, from the 17 digits before it (GB 11643, ISO 7064 MOD 11-2).
pub fn citizen_check(first: &str) -> Option<char> {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    if first.chars().count() != 17 {
        return None;
    }
    let mut sum = 0;
    for (character, weight) in first.chars().zip(WEIGHTS) {
        sum += weight * character.to_digit(10)?;
    }
    b"10X98765432".get((sum % 11) as usize).map(|c| char::from(*c))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published examples, the synthetic ones, and public codes that both standards accept.
    const GOOD: [&str; 11] = [
        "53100000500021676K",
        "91350100M000100Y43",
        "51330203XT0000014A",
        "52330206XT00000570",
        "52330282XT0000022F",
        "53330200XT0000030E",
        "12100000400002259P",
        "12100000400000624D",
        "91330100799655058B",
        "9144030071526726XG",
        "914403001922038216",
    ];

    #[test]
    fn published_and_synthetic_codes_pass() {
        for code in GOOD {
            assert_eq!(check_uscc(code), Ok(()), "{code}");
        }
        // The remainder 0 gives the check character 0, where 31 - 0 would find none.
        assert_eq!(uscc_check("52330206XT0000057"), Some('0'));
        assert_eq!(organization_code_check("50002167"), Some('6'));
    }

    #[test]
    fn every_single_wrong_character_is_found() {
        for code in GOOD {
            for at in 0..18 {
                for other in USCC.iter().map(|c| char::from(*c)) {
                    let mut wrong: Vec<char> = code.chars().collect();
                    if wrong[at] == other {
                        continue;
                    }
                    wrong[at] = other;
                    let wrong: String = wrong.into_iter().collect();
                    assert!(check_uscc(&wrong).is_err(), "{wrong}");
                }
            }
        }
    }

    #[test]
    fn the_fault_names_the_part_and_the_expected_character() {
        assert_eq!(check_uscc("51330203XT0000014B"), Err(UsccFault::Check { expected: 'A' }));
        assert_eq!(check_uscc("51330203XT0000015A"), Err(UsccFault::OrganizationCode { expected: '4' }));
        assert_eq!(check_uscc("51330203XT00014A"), Err(UsccFault::Length { found: 16 }));
        assert_eq!(
            check_uscc("51330203XTOOOOO14A"),
            Err(UsccFault::Lookalike { suggestion: "51330203XT0000014A".into() })
        );
        assert_eq!(check_uscc("51330203XT00000V4A"), Err(UsccFault::Character { position: 16, found: 'V' }));
        for hostile in
            ["", "海", "海曙区海曙区海曙区海曙区海曙区海曙", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"]
        {
            assert!(check_uscc(hostile).is_err());
        }
    }

    #[test]
    fn citizen_numbers() {
        // 330299 is no division, so these can be nobody's.
        for number in ["330299198501010019", "330299197906150023", "330299200002290036", "11010519491231002X"]
        {
            assert_eq!(check_citizen_id(number), Ok(()), "{number}");
        }
        assert_eq!(check_citizen_id("330299198501010018"), Err(CitizenFault::Check { expected: '9' }));
        assert_eq!(check_citizen_id("330299198502300019"), Err(CitizenFault::Birthday));
        assert_eq!(check_citizen_id("330299850101001"), Err(CitizenFault::FifteenDigits));
        assert_eq!(check_citizen_id("3302991985010100X9"), Err(CitizenFault::Character { position: 17 }));
        assert_eq!(check_citizen_id("海"), Err(CitizenFault::Length { found: 1 }));
        assert_eq!(citizen_check("3302991985010100一"), None);
    }
}
