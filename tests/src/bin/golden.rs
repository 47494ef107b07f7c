//! Keeps what the program of the day writes as golden files: `golden NAME` makes `tests/golden/NAME`.

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(name) = std::env::args().nth(1) else {
        let _ = writeln!(std::io::stderr(), "golden NAME");
        return ExitCode::from(2);
    };
    match huiliu_tests::golden::make(&name) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{name}: {error}");
            ExitCode::FAILURE
        }
    }
}
