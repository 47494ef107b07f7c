//! The frame of every page.

use crate::assets::style_path;
use huiliu_core::model::Lang;
use huiliu_core::model::messages::Words;
use maud::{DOCTYPE, Markup, html};

/// How often a page shows itself anew, in seconds.
const REFRESH_SECONDS: u32 = 10;

/// A whole page around `body`.
pub(crate) fn page(title: &str, refreshes: bool, lang: Lang, body: &Markup) -> Markup {
    let (other, other_tag) = match lang {
        Lang::Zh => ("English", "en"),
        Lang::En => ("中文", "zh"),
    };
    html! {
        (DOCTYPE)
        html lang=(lang.pick("zh-CN", "en")) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                @if refreshes { meta http-equiv="refresh" content=(REFRESH_SECONDS); }
                title { (title) " · " (Words::Brand.text(lang)) }
                link rel="icon" href="data:,";
                link rel="stylesheet" href=(style_path());
            }
            body {
                div class="sheet" {
                    div class="brand" {
                        span class="brand-name" { (Words::Brand.text(lang)) }
                        span class="brand-about" { (Words::BrandAbout.text(lang)) }
                        a class="other-language" href={ "?lang=" (other_tag) } hreflang=(other_tag) { (other) }
                    }
                    (body)
                }
            }
        }
    }
}

/// A page that says one thing and leads back.
pub(crate) fn message_page(title: &str, text: &str, refreshes: bool, lang: Lang) -> Markup {
    let body = html! {
        main class="message" {
            h1 { (title) }
            p { (text) }
            p { a href={ "/?lang=" (lang.pick("zh", "en")) } { (Words::BackToStatus.text(lang)) } }
        }
    };
    page(title, refreshes, lang, &body)
}
