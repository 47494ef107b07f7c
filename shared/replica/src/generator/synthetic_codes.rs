//! Codes that pass every check and are nobody's (DOMAIN 2.10): bodies of credit codes begin with XT, which no real
//! registrant's does, and identity numbers begin with 330299, which is no division.

use huiliu_core::model::check_characters::{citizen_check, organization_code_check, uscc_check};
use huiliu_core::model::{Date, DivisionCode};

/// The code of the `n`th organization of an authority: type 1 association, 2 service agency, 3 foundation.
pub fn synthetic_uscc(kind: u8, authority: DivisionCode, n: u32) -> String {
    let body = format!("XT{n:06}");
    let check = organization_code_check(&body).unwrap_or('0');
    // A city's or a province's code stands padded in positions 3 to 8.
    let code = format!("5{kind}{:0<6}{body}{check}", authority.to_string());
    let last = uscc_check(&code).unwrap_or('0');
    format!("{code}{last}")
}

/// The identity number of somebody born on a day; `order` is below 1000, odd for a man.
pub(super) fn synthetic_id(birth: Date, order: usize) -> String {
    let first = format!("330299{:04}{:02}{:02}{order:03}", birth.year(), birth.month(), birth.day());
    let last = citizen_check(&first).unwrap_or('X');
    format!("{first}{last}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use huiliu_core::model::check_characters::{check_citizen_id, check_uscc};

    #[test]
    fn made_up_codes_pass_their_checks_and_are_the_published_examples() {
        assert_eq!(synthetic_uscc(1, "330203".parse().unwrap(), 1), "51330203XT0000014A");
        assert_eq!(synthetic_uscc(3, "3302".parse().unwrap(), 3), "53330200XT0000030E");
        let birth = Date::new(1985, 1, 1).unwrap();
        assert_eq!(synthetic_id(birth, 1), "330299198501010019");
        for n in 0..999 {
            check_uscc(&synthetic_uscc(2, "330282".parse().unwrap(), n)).unwrap();
            check_citizen_id(&synthetic_id(birth, n as usize)).unwrap();
        }
    }
}
