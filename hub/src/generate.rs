//! `generate`: a made-up city as tables to import, with the answers to what must come of them.

use huiliu_core::model::messages::Say;
use huiliu_core::model::{Date, DivisionCode, Level};
use huiliu_replica::commands::Answer;
use huiliu_replica::generator::{self, Made, Order};
use huiliu_replica::service::cli::Global;
use huiliu_replica::service::home::{Failure, check_empty, divisions};
use huiliu_replica::service::output::{Progress, write_file};
use huiliu_replica::service::usage;
use huiliu_replica::tables::Format;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The options of `generate`.
#[derive(clap::Args)]
pub(crate) struct GenerateArgs {
    /// A city with its counties, such as 3302, or one county
    #[arg(long)]
    division: String,
    /// How many organizations
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=i64::from(generator::MOST_ORGANIZATIONS)))]
    organizations: u32,
    /// The seed of everything that is made up
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The empty directory that takes the tables
    #[arg(short, long, value_name = "DIR")]
    out: PathBuf,
    /// Workbooks beside the tables in csv
    #[arg(long)]
    xlsx: bool,
    /// Write the folders of these counties only; the city stays the same
    #[arg(long, value_name = "CODE")]
    county: Vec<String>,
    /// The day on which the city is looked at
    #[arg(long, value_name = "DAY", default_value = "2026-09-30", value_parser = usage::day)]
    as_of: Date,
}

/// Writes a city into an empty directory.
pub(crate) fn generate(global: &Global, args: &GenerateArgs) -> Result<Answer, Failure> {
    check_empty(&args.out, &[])?;
    let made = make(args)?;
    let mut progress = Progress::new();
    let total = made.sheets.len();
    let formats = [(Format::Csv, "csv"), (Format::Xlsx, "xlsx")];
    for (done, sheet) in made.sheets.iter().enumerate() {
        progress.show(done, total);
        for (format, ending) in formats.into_iter().filter(|(format, _)| args.xlsx || *format == Format::Csv)
        {
            let path = args.out.join(format!("{}.{ending}", sheet.path()));
            let bytes = sheet.bytes(format).map_err(|fault| cannot_write(&path, &fault.to_string()))?;
            write_into(&path, &bytes)?;
        }
    }
    progress.show(total, total);
    drop(progress);
    // Last, so that a directory with answers has all that they answer.
    let path = args.out.join("answers.json");
    let answers = serde_json::to_vec_pretty(&made.answers);
    write_into(&path, &answers.map_err(|fault| cannot_write(&path, &fault.to_string()))?)?;
    Ok(told(global, args, &made))
}

/// The city, or those of its folders that are asked for.
fn make(args: &GenerateArgs) -> Result<Made, Failure> {
    let divisions = divisions();
    let is_known = |code: &DivisionCode| {
        matches!(code.level(), Level::City | Level::County)
            && divisions.contains(*code)
            && !divisions.is_retired(*code)
            && !divisions.children(*code).is_empty()
    };
    let unknown = || Failure::new(2, Say::GenerateWhere { text: args.division.clone() });
    let division = args.division.parse().ok().filter(is_known).ok_or_else(unknown)?;
    let organizations = args.organizations as usize;
    let order = Order { seed: args.seed, division, organizations, as_of: args.as_of };
    let mut made = generator::city(&order, &divisions);
    let known: Vec<String> = made.answers.folders.keys().cloned().collect();
    if let Some(text) = args.county.iter().find(|county| !known.contains(county)) {
        let say = Say::GenerateCounty { text: text.clone(), known: known.join("、") };
        return Err(Failure::new(2, say));
    }
    if !args.county.is_empty() {
        let wanted: BTreeSet<String> = args.county.iter().cloned().collect();
        made.sheets.retain(|sheet| wanted.contains(&sheet.folder));
        made.answers = made.answers.only(&wanted);
    }
    Ok(made)
}

/// What was written, and what must come of it.
fn told(global: &Global, args: &GenerateArgs, made: &Made) -> Answer {
    let answers = &made.answers;
    let (files, dir) = (made.sheets.len(), args.out.display().to_string());
    let rows = made.sheets.iter().map(|sheet| sheet.rows()).sum();
    let (refused, mended, gaps) = (answers.refused.len(), answers.mended.len(), answers.gaps.len());
    let (organizations, members) = (answers.organizations, answers.figures.members);
    let party_orgs = answers.figures.party_orgs;
    let say =
        Say::Generated { dir: dir.clone(), files, rows, organizations, members, party_orgs, refused, gaps };
    let json = json!({
        "v": 1,
        "dir": dir,
        "tables": files,
        "rows": rows,
        "figures": answers.figures,
        "refused": refused,
        "mended": mended,
        "gaps": gaps,
    });
    Answer::good(json, say.text(global.lang()))
}

fn write_into(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(|error| cannot_write(folder, &error.to_string()))?;
    write_file(path, bytes)
}

fn cannot_write(path: &Path, why: &str) -> Failure {
    Failure::new(1, Say::CannotWrite { file: path.display().to_string(), why: why.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        global: Global,
        #[command(flatten)]
        args: GenerateArgs,
    }

    fn run(out: &Path, words: &[&str]) -> Result<Answer, Failure> {
        let out = out.display().to_string();
        let line =
            ["generate", "--organizations", "40", "--out", &out].into_iter().chain(words.iter().copied());
        let line = Line::parse_from(line);
        generate(&line.global, &line.args)
    }

    #[test]
    fn a_city_is_written_whole_into_an_empty_directory_only() {
        let dir = tempfile::tempdir().unwrap();
        let (whole, part) = (dir.path().join("whole"), dir.path().join("part"));
        let answer = run(&whole, &["--division", "3302"]).unwrap();
        assert_eq!((answer.exit, &answer.json["tables"]), (0, &json!(99)));
        let read = |path: PathBuf| std::fs::read(path).unwrap();
        let answers: serde_json::Value = serde_json::from_slice(&read(whole.join("answers.json"))).unwrap();
        assert_eq!((&answers["v"], &answers["as_of"]), (&json!(1), &json!("2026-09-30")));
        assert!(read(whole.join("330203/person.csv")).starts_with("\u{feff}姓名,公民身份号码".as_bytes()));
        assert_eq!(run(&whole, &["--division", "3302"]).map(|_| ()).unwrap_err().exit, 1);

        run(&part, &["--division", "3302", "--county", "330211", "--xlsx"]).unwrap();
        let same = "330211/social_org.csv";
        assert_eq!(read(part.join(same)), read(whole.join(same)));
        assert!(read(part.join("330211/social_org.xlsx")).starts_with(b"PK"));
        assert!(!part.join("330203").exists());
    }

    #[test]
    fn what_is_no_city_or_lies_outside_is_said_before_anything_is_written() {
        let dir = tempfile::tempdir().unwrap();
        for words in [&["--division", "3399"][..], &["--division", "33"], &["--division", "330204"]] {
            assert_eq!(run(dir.path(), words).map(|_| ()).unwrap_err().exit, 2, "{words:?}");
        }
        let outside = ["--division", "3302", "--county", "630102"];
        assert_eq!(run(dir.path(), &outside).map(|_| ()).unwrap_err().exit, 2);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
