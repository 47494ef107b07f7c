//! Why a secret value is read. Nothing opens a secret field without a purpose.

/// A reason to read secret values.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// A person reads them, for the reason given: whoever makes this has noted it durably first.
    Said(String),
    /// The program compares whole values with each other, or checks what is to be saved, and shows none of them.
    Comparing,
    /// The program shows the end of a value and hides the rest.
    Masking,
}
