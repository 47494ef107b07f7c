//! `find TEXT`: records by a part of a name, a code, the pinyin initials of a name, or a whole identity number.

use crate::Replica;
use crate::commands::request::{Answer, Context};
use crate::commands::words::{listing, place};
use crate::service::home::Failure;
use huiliu_core::model::dictionary::{FieldType, Kind, kinds};
use huiliu_core::model::messages::Say;
use huiliu_core::model::values::text::compact;
use huiliu_core::model::{Fields, Value};
use ib_pinyin::matcher::PinyinMatcher;
use ib_pinyin::pinyin::PinyinNotation;
use serde_json::json;

/// So many are shown; who finds more looks for more letters.
const MOST: usize = 100;
/// Fewer letters than these are in every name.
const FEWEST_INITIALS: usize = 2;

/// What is looked for.
struct Sought<'a> {
    text: &'a str,
    pinyin: Option<PinyinMatcher<'a>>,
}

impl<'a> Sought<'a> {
    /// `text` without blanks, in small letters.
    fn new(text: &'a str) -> Self {
        let letters = text.len() >= FEWEST_INITIALS && text.bytes().all(|b| b.is_ascii_alphabetic());
        let notations = PinyinNotation::Ascii | PinyinNotation::AsciiFirstLetter;
        let pinyin = letters.then(|| PinyinMatcher::builder(text).pinyin_notations(notations).build());
        Self { text, pinyin }
    }

    /// The field in which it was found.
    fn find(&self, kind: &'static Kind, fields: &Fields) -> Option<&'static str> {
        kind.fields.iter().find_map(|field| {
            let Some(Value::Text(value)) = fields.get(field.name) else { return None };
            let found = match field.ty {
                FieldType::Text { .. } => {
                    let is_name = field.name.ends_with("name") || field.name.ends_with("names");
                    compact(value).to_lowercase().contains(self.text)
                        || is_name
                            && self.pinyin.as_ref().is_some_and(|pinyin| pinyin.is_match(value.as_str()))
                }
                FieldType::Uscc => value.to_lowercase().contains(self.text),
                FieldType::NewDivision => value.starts_with(self.text),
                _ => false,
            };
            found.then_some(field.name)
        })
    }
}

/// Finds living records of every kind.
pub fn find(replica: &Replica, text: &str, context: &Context) -> Result<Answer, Failure> {
    let text = compact(text).to_lowercase();
    let sought = Sought::new(&text);
    if sought.text.is_empty() {
        return Err(Failure::new(2, Say::NothingSought));
    }
    let lang = context.lang();
    // Secrets are found by their whole value alone: by parts of it anybody could spell it out.
    let numbered = replica.people_numbered(&text.to_uppercase())?;
    let (mut found, mut lines, mut more) = (Vec::new(), Vec::new(), 0);
    for kind in kinds() {
        replica.each_row(kind, |id, row| {
            let fields = replica.opened(kind, &id, &row.fields, None);
            let number = kind.same_by_secret().filter(|_| numbered.contains(&id));
            let Some(by) = number.or_else(|| sought.find(kind, &fields)) else { return true };
            if found.len() == MOST {
                more += 1;
                return true;
            }
            let name = ["name", "full_name"].into_iter().find_map(|name| fields.get(name)?.text());
            let name = name.unwrap_or_default().to_owned();
            lines.push(vec![
                id.to_string(),
                kind.title(lang).to_owned(),
                name.clone(),
                place(replica, row.division),
            ]);
            found.push(json!({
                "id": id.to_string(),
                "kind": kind.name,
                "name": name,
                "division": row.division.to_string(),
                "field": by,
            }));
            true
        })?;
    }
    let heads = [Say::HeadId, Say::HeadKind, Say::HeadName, Say::HeadOwner];
    let mut text = listing(&heads, lines, lang);
    if more > 0 {
        text += &format!("\n{}", Say::FoundMore { count: more }.text(lang));
    }
    Ok(Answer::good(json!({ "v": 1, "records": found, "more": more }), text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use huiliu_core::model::dictionary::kind;

    #[test]
    fn a_name_is_found_by_a_part_of_it_by_code_and_by_initials() {
        let organizations = kind("social_org").unwrap();
        let fields = Fields::from([
            ("name".to_owned(), Value::of("海曙区月湖读书会")),
            ("uscc".to_owned(), Value::of("51330203XT0000014A")),
            ("address".to_owned(), Value::of("偃月街1号")),
        ]);
        for (text, by) in [
            ("月湖读书", Some("name")),
            ("月湖 读书", Some("name")),
            ("yhds", Some("name")),
            ("YHDSH", Some("name")),
            ("yuehu", Some("name")),
            ("xt000001", Some("uscc")),
            ("偃月街", Some("address")),
            ("yyj", None),
            ("余姚", None),
        ] {
            let text = compact(text).to_lowercase();
            assert_eq!(Sought::new(&text).find(organizations, &fields), by, "{text}");
        }
    }
}
