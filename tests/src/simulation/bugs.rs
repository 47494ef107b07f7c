//! The test of the tests: bugs that can be seeded into every replica, each of which the oracles must find.

/// The bugs: the engine knows them by these names.
pub const BUGS: [&str; 10] = [
    "acknowledged before fsync",
    "acknowledged before stored",
    "applied without its dependency",
    "duplicate applied twice",
    "index position saved before rows",
    "losing value dropped",
    "refusal not obeyed on rebuild",
    "revocation ignored",
    "scope ignored",
    "signed point skipped",
];
