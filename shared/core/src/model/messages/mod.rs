//! The one catalogue of everything Huiliu says, in Simplified Chinese and English.
//!
//! To add a sentence: one line in the enum of its family (`problems`, or a new file beside it made with `catalogue!`),
//! Chinese first. Arguments stand in braces by name and may be used by either language.

mod damage;
mod help;
mod pages;
mod problems;
mod rules;
mod says;
mod tables;

pub use damage::damage;
pub use help::{HELP_HEADINGS, Usage, help};
pub use pages::Words;
pub use problems::Trouble;
pub use rules::RuleSay;
pub use says::Say;
pub use tables::TableSay;

/// The language a person reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Lang {
    /// Simplified Chinese, the language of the office.
    #[default]
    Zh,
    /// English.
    En,
}

impl Lang {
    /// The language of `--lang`.
    pub fn from_tag(tag: &str) -> Option<Self> {
        match tag {
            "zh" => Some(Self::Zh),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    /// One of two texts.
    pub fn pick<'a>(self, zh: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Zh => zh,
            Self::En => en,
        }
    }
}

/// Makes an enum of sentences: `Name { argument: Type } => "中文", "English";`, read with `text(lang)`.
macro_rules! catalogue {
    ($(#[$meta:meta])* pub enum $name:ident {
        $($(#[$about:meta])* $variant:ident $({ $($arg:ident: $ty:ty),* $(,)? })? => $zh:literal, $en:literal;)*
    }) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, Debug)]
        #[allow(missing_docs)]
        pub enum $name {
            $($(#[$about])* $variant $({ $($arg: $ty),* })?,)*
        }

        impl $name {
            /// The sentence.
            pub fn text(&self, lang: $crate::model::messages::Lang) -> String {
                #[allow(unused_variables)]
                match self {
                    $(Self::$variant $({ $($arg),* })? => match lang {
                        $crate::model::messages::Lang::Zh => format!($zh),
                        $crate::model::messages::Lang::En => format!($en),
                    },)*
                }
            }
        }
    };
}

/// Makes an enum of troubles: a reason and a remedy each, in both languages.
macro_rules! troubles {
    ($(#[$meta:meta])* pub enum $name:ident {
        $($(#[$about:meta])* $variant:ident $({ $($arg:ident: $ty:ty),* $(,)? })?
            => $zh:literal, $en:literal; $remedy_zh:literal, $remedy_en:literal;)*
    }) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
        #[allow(missing_docs)]
        pub enum $name {
            $($(#[$about])* $variant $({ $($arg: $ty),* })?,)*
        }

        impl $name {
            /// What is wrong.
            pub fn reason(&self, lang: $crate::model::messages::Lang) -> String {
                #[allow(unused_variables)]
                match self {
                    $(Self::$variant $({ $($arg),* })? => match lang {
                        $crate::model::messages::Lang::Zh => format!($zh),
                        $crate::model::messages::Lang::En => format!($en),
                    },)*
                }
            }

            /// What the person can do about it.
            pub fn remedy(&self, lang: $crate::model::messages::Lang) -> String {
                #[allow(unused_variables)]
                match self {
                    $(Self::$variant $({ $($arg),* })? => match lang {
                        $crate::model::messages::Lang::Zh => format!($remedy_zh),
                        $crate::model::messages::Lang::En => format!($remedy_en),
                    },)*
                }
            }
        }
    };
}

pub(crate) use catalogue;
pub(crate) use troubles;
