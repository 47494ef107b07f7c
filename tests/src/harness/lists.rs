//! Made-up lists of organizations, as a clerk would bring them.

use huiliu_replica::generator::synthetic_uscc;

/// A made-up credit code with valid check characters: association of an authority, XT, a number.
pub fn uscc(authority: &str, number: usize) -> String {
    let number = u32::try_from(number).expect("a number of six digits");
    synthetic_uscc(1, authority.parse().expect("a division code"), number)
}

/// The townships of 海曙区 in made-up lists; the last place names none.
pub const TOWNS: [&str; 4] = ["月湖街道", "南门街道", "鼓楼街道", ""];

/// The header of [`list_row`].
pub const LIST_HEADER: [&str; 7] =
    ["名称", "类型", "统一社会信用代码", "登记管理机关", "所在乡镇街道", "成立登记日期", "住所"];

/// Row `n` of a made-up list of an authority's organizations.
pub fn list_row(authority: &str, n: usize, towns: &[&str]) -> Vec<String> {
    let town = towns[n % towns.len()];
    vec![
        format!("试验第{n}号读书会"),
        "社会团体".into(),
        uscc(authority, n),
        authority.into(),
        town.into(),
        format!("20{:02}-0{}-1{}", n % 20, 1 + n % 9, n % 10),
        format!("{town}试验路{n}号"),
    ]
}

/// A made-up list as csv.
pub fn list_csv(authority: &str, numbers: std::ops::Range<usize>, towns: &[&str]) -> String {
    let mut text = LIST_HEADER.join(",");
    for n in numbers {
        text.push('\n');
        text.push_str(&list_row(authority, n, towns).join(","));
    }
    text.push('\n');
    text
}
