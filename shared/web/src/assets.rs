//! The files that pages refer to. Their names carry a hash of their bytes, so that browsers may keep them for ever.

use huiliu_core::sync::Hash;
use std::sync::LazyLock;

/// The one stylesheet.
pub(crate) const STYLE: &str = include_str!("../assets/huiliu.css");

static STYLE_NAME: LazyLock<String> = LazyLock::new(|| {
    let hash = Hash::of(&[STYLE.as_bytes()]);
    let digits: String = hash.0[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("huiliu-{digits}.css")
});

/// The name under `/assets/`.
pub(crate) fn style_name() -> &'static str {
    &STYLE_NAME
}

/// The path a page names.
pub(crate) fn style_path() -> String {
    format!("/assets/{}", style_name())
}
