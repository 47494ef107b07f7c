//! Several codes or references in one field: one text, sorted, one space between.

use std::collections::BTreeSet;

/// The items of a list as it is kept. Before there was one way to write it, commas stood between them.
pub fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', ',']).filter(|item| !item.is_empty())
}

/// A list as it is kept: whoever writes the same items in another order writes the same.
pub fn joined<'a>(items: impl IntoIterator<Item = &'a str>) -> String {
    let sorted: BTreeSet<&str> = items.into_iter().collect();
    sorted.into_iter().collect::<Vec<_>>().join(" ")
}

/// Everything that stands in any of these lists: what is offered where they were changed apart.
pub fn union<'a>(lists: impl IntoIterator<Item = &'a str>) -> String {
    joined(lists.into_iter().flat_map(items))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_written_in_one_way() {
        assert_eq!(joined(["STAFFED", "SIGN", "STAFFED"]), "SIGN STAFFED");
        assert_eq!(items("SIGN STAFFED").collect::<Vec<_>>(), ["SIGN", "STAFFED"]);
        assert_eq!(
            items("STAFFED,SIGN").collect::<Vec<_>>(),
            ["STAFFED", "SIGN"],
            "as it was written before"
        );
        assert_eq!(joined(items("STAFFED,SIGN")), "SIGN STAFFED");
        assert_eq!((joined([]), items("").count()), (String::new(), 0));
    }

    #[test]
    fn lists_changed_apart_have_a_union() {
        assert_eq!(union(["LAYOUT SIGN", "SIGN STAFFED", "STAFFED,LAYOUT"]), "LAYOUT SIGN STAFFED");
    }
}
