//! A short list of made-up organizations of one county, the same for the same seed: for the demonstration.

use super::numbers::Numbers;
use super::synthetic_codes::synthetic_uscc;
use huiliu_core::model::divisions::Divisions;
use huiliu_core::model::{DivisionCode, Fields, Value};

const NAMES: [&str; 12] =
    ["甬江", "明州", "东钱湖", "天一", "四明", "溪口", "海韵", "晨光", "和风", "新桥", "青林", "远航"];
const FIELDS: [&str; 12] = [
    "读书",
    "书画",
    "养老服务",
    "社会工作",
    "青少年体育",
    "志愿服务",
    "文化遗产",
    "电子商务",
    "环境保护",
    "法律援助",
    "早期教育",
    "茶文化",
];
const UNITS: [&str; 4] = ["教育局", "文化和广电旅游体育局", "科学技术局", "卫生健康局"];

/// Made-up organizations of a county: about half of them name a township.
pub fn organizations(county: DivisionCode, count: usize, seed: u64, divisions: &Divisions) -> Vec<Fields> {
    let mut numbers = Numbers::new(seed ^ county.number());
    let towns = divisions.children(county);
    let place = divisions.name(county).unwrap_or_default().to_owned();
    (1..=count as u32)
        .map(|n| {
            let (kind, org_type, form) =
                *numbers.pick(&[(1, "ST", "协会"), (2, "MF", "服务中心"), (2, "MF", "中心")]);
            let name = format!("{place}{}{}{form}{n}", numbers.pick(&NAMES), numbers.pick(&FIELDS));
            let mut fields = Fields::from([
                ("name".to_owned(), Value::Text(name)),
                ("org_type".to_owned(), Value::of(org_type)),
                ("uscc".to_owned(), Value::Text(synthetic_uscc(kind, county, n))),
                ("registration_authority".to_owned(), Value::Text(county.to_string())),
                ("capital".to_owned(), Value::Int(3_000_000 + 100_000 * numbers.below(70) as i64)),
                ("staff_full".to_owned(), Value::Int(numbers.below(30) as i64)),
            ]);
            let (year, month, day) = (1995 + numbers.below(28), 1 + numbers.below(12), 1 + numbers.below(28));
            fields.insert("founded_on".into(), Value::Text(format!("{year}-{month:02}-{day:02}")));
            if numbers.below(2) == 0 && !towns.is_empty() {
                fields.insert("town_code".into(), Value::Text(numbers.pick(&towns).to_string()));
            }
            if numbers.below(3) > 0 {
                fields.insert(
                    "supervising_unit".into(),
                    Value::Text(format!("{place}{}", numbers.pick(&UNITS))),
                );
            }
            fields
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use huiliu_core::model::check_characters::check_uscc;
    use huiliu_core::model::dictionary::kind;

    #[test]
    fn what_is_made_up_passes_the_dictionary_and_is_the_same_again() {
        let divisions = Divisions::sample();
        let county = "330203".parse().unwrap();
        let made = organizations(county, 200, 7, &divisions);
        for fields in &made {
            let errors: Vec<_> = kind("social_org")
                .unwrap()
                .check(fields, &divisions)
                .into_iter()
                .filter(|p| p.is_error())
                .collect();
            assert!(errors.is_empty(), "{errors:?}");
            check_uscc(fields["uscc"].text().unwrap()).unwrap();
        }
        assert_eq!(made, organizations(county, 200, 7, &divisions));
    }
}
