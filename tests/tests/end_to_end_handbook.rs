//! The operator's handbook: what it prints can be typed.

use huiliu_tests::harness::lists::list_csv;
use huiliu_tests::harness::process::{City, binary};
use rust_xlsxwriter::Workbook;
use std::path::Path;
use std::process::Command;

/// The commands of our programs in the handbook's blocks, in order, without their comments.
fn commands() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("deploy/handbook.md");
    let text = std::fs::read_to_string(path).unwrap();
    let blocks = text.split("```").skip(1).step_by(2).flat_map(str::lines);
    let ours = blocks.filter(|line| line.starts_with("huiliu-node ") || line.starts_with("huiliu-hub "));
    ours.map(|line| line.split(" #").next().unwrap().trim().to_owned()).collect()
}

fn workbook(csv: &str) -> Vec<u8> {
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    for (at, line) in (0_u32..).zip(csv.lines()) {
        for (column, cell) in (0_u16..).zip(line.split(',')) {
            sheet.write_string(at, column, cell).unwrap();
        }
    }
    book.save_to_buffer().unwrap()
}

#[test]
fn every_command_of_the_handbook_does_what_it_is_printed_for() {
    let city = City::found();
    city.file("名单.xlsx", &workbook(&list_csv("330203", 5..8, &["月湖街道"])));
    let node = city.path("汇流");
    let run = |line: &str, id: &str| {
        let mut words = line.split(' ').filter(|word| !word.is_empty());
        let program = words.next().unwrap();
        let data = if program == "huiliu-hub" { &city.hub.data } else { &node };
        let words: Vec<String> = words.map(|word| word.replace("\"\"", "").replace("编号", id)).collect();
        let mut command = Command::new(binary(program));
        command.args(&words).current_dir(city.folder.path()).env("HUILIU_DATA", data);
        let said = command.output().unwrap();
        let text =
            String::from_utf8_lossy(&said.stdout).into_owned() + &String::from_utf8_lossy(&said.stderr);
        (said.status.code().unwrap(), text)
    };
    let all = commands();
    assert!(all.len() > 25, "the handbook has examples: {all:?}");
    // Services run by themselves, founding was done, and a node that is ended can do nothing more.
    let later = |line: &&String| line.contains(" revoke ");
    let elsewhere = |line: &&String| line.ends_with(" serve") || line.contains(" init ");
    let mut id = String::new();
    for line in all.iter().filter(|line| !later(line) && !elsewhere(line)).chain(all.iter().filter(later)) {
        let (code, text) = run(line, &id);
        // Without a conflict and with an empty quarantine there is nothing to choose or to show.
        let may_be_nothing = line.contains("conflict resolve")
            || ["show", "retry", "drop", "refuse"]
                .iter()
                .any(|word| line.contains(&format!("quarantine {word}")));
        assert!(code == 0 || may_be_nothing && code == 1, "{line}: {code}\n{text}");
        if line.contains("record new") {
            id = text.split_whitespace().find(|word| word.len() == 36).expect("an id").to_owned();
        }
    }
}
