//! Measures the real programs: `bench sync --records 3000,30000`, with `--json` for programs that compare.

use huiliu_tests::bench::pair::{Pair, build_programs};
use huiliu_tests::bench::report::Case;
use huiliu_tests::bench::{joins, live, visits};
use serde_json::json;
use std::io::Write;
use std::panic::catch_unwind;
use std::process::ExitCode;

const USAGE: &str = "bench sync [--records N,N,...] [--json]";

struct Wanted {
    records: Vec<u64>,
    json: bool,
}

fn wanted() -> Option<Wanted> {
    let mut wanted = Wanted { records: vec![3000, 30_000], json: false };
    let mut arguments = std::env::args().skip(1);
    if arguments.next()? != "sync" {
        return None;
    }
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--records" => {
                let numbers = arguments.next()?;
                wanted.records =
                    numbers.split(',').map(|number| number.parse().ok()).collect::<Option<_>>()?;
            }
            "--json" => wanted.json = true,
            _ => return None,
        }
    }
    // Each side edits 300 of them, and each its own.
    wanted.records.iter().all(|records| *records >= visits::FEWEST).then_some(wanted)
}

fn main() -> ExitCode {
    let Some(wanted) = wanted() else {
        say(&format!("{USAGE}\nat least {} records", visits::FEWEST));
        return ExitCode::from(2);
    };
    // What does not work is one sentence, not a trace.
    std::panic::set_hook(Box::new(|info| {
        let payload = info.payload();
        let text = payload.downcast_ref::<String>().map(String::as_str);
        say(&format!("bench: {}", text.or(payload.downcast_ref::<&str>().copied()).unwrap_or("it failed")));
    }));
    let Ok(cases) = catch_unwind(|| sync(&wanted)) else { return ExitCode::FAILURE };
    if wanted.json {
        let cases: Vec<_> = cases.iter().map(Case::json).collect();
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let object = json!({ "v": 1, "bench": "sync", "cores": cores, "load": load(), "cases": cases });
        let _ = writeln!(std::io::stdout().lock(), "{object}");
    }
    ExitCode::SUCCESS
}

/// Becoming level, in all cases.
fn sync(wanted: &Wanted) -> Vec<Case> {
    say("building huiliu-hub and huiliu-node");
    build_programs();
    let mut cases = Vec::new();
    for records in &wanted.records {
        say(&format!("{records} records; the machine's load is {}", load()));
        let mut pair = Pair::found();
        say(&format!("read in within {:.1} s", pair.import(*records)));
        let measures: [fn(&Pair) -> Vec<Case>; 5] = [
            |pair| vec![joins::upload(pair)],
            |pair| vec![joins::join(pair)],
            |pair| vec![visits::edits(pair)],
            |pair| vec![visits::nothing_new(pair), visits::nothing_open(pair)],
            |pair| live::edits(pair),
        ];
        for measure in measures {
            for case in measure(&pair) {
                if wanted.json {
                    say(&format!("{}: done", case.name));
                } else {
                    let _ = writeln!(std::io::stdout().lock(), "{}", case.text());
                }
                cases.push(case);
            }
        }
    }
    cases
}

/// The machine's load, as Linux tells it: what is measured on a busy machine is slower.
fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split_whitespace().next().unwrap_or("unknown").to_owned()
}

fn say(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
