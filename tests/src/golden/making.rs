//! Makes golden files with the programs of the day: a small city in which everything has happened once.

use super::{QUESTIONS, folder, pack};
use crate::harness::lists::uscc;
use crate::harness::process::{City, Site};
use data_encoding::HEXLOWER;
use huiliu_replica::service::opening;
use huiliu_replica::{Effect, Replica, Role};
use serde_json::json;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

/// 2026-11-01T00:00:00Z: the frames are exchanged then.
const NOW: u64 = 1_793_491_200_000;

/// Makes the files of a generation; there must be none yet.
///
/// # Errors
/// What the system says of a file.
///
/// # Panics
/// If a program does not do what it is asked.
pub fn make(generation: &str) -> io::Result<()> {
    let folder = folder(generation);
    fs::create_dir(&folder)?;
    let (city, [haishu, yuehu]) = lived();
    let sites = [("hub", &city.hub), ("haishu", &haishu), ("yuehu", &yuehu)];
    let answers = QUESTIONS.map(|(name, arguments)| {
        let site = sites.iter().find(|(site, _)| *site == name).expect("a site of the city").1;
        json!({"site": name, "arguments": arguments, "json": site.run(arguments).json})
    });
    fs::write(folder.join("answers.json"), serde_json::to_string_pretty(&answers)? + "\n")?;
    let stores = city.path("stores");
    fs::create_dir(&stores)?;
    for (name, site) in sites {
        copy(&site.data, &stores.join(name))?;
    }
    pack(&stores, &folder.join("stores.zip"))?;
    fs::write(folder.join("frames.hex"), recorded(&stores))
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let done = Command::new("cp").arg("-a").arg(from).arg(to).status()?;
    if done.success() { Ok(()) } else { Err(io::Error::other("the copy failed")) }
}

/// A city in which records were made, edited apart, moved and deleted; the hub is down and haishu has work to send.
fn lived() -> (City, [Site; 2]) {
    let mut city = City::found();
    let (haishu, yuehu) = (city.join("haishu", "330203"), city.join("yuehu", "330203004"));
    let old = ["code=330203099", "name=旧街道", "valid_to=2020-01-01", "successor=330203004,330203005"];
    city.hub.good(&[&["record", "new", "division"], &old[..]].concat());
    let code = |n| format!("uscc={}", uscc("330203", n));
    let branch = "party_org=海曙区社会组织第一党支部";
    let reading = haishu.create(&["name=甬江读书会", "org_type=ST", &code(1), "legal_rep_name=甲某", branch]);
    let chess = yuehu.create(&["name=月湖棋院", "org_type=MF", &code(2), "address=偃月街一号"]);
    let closed = haishu.create(&["name=甬江旧书社", "org_type=ST", &code(3)]);
    let approved =
        &["approved_by=海曙区社会组织党委", "approval_doc=海社党〔2024〕1号", "approved_on=2024-02-01"];
    let found = |site: &Site, fields: &[&str]| {
        site.good(&[&["record", "new", "party_org"], fields, approved].concat());
    };
    found(&haishu, &["full_name=海曙区社会组织第一党支部", "org_kind=BRANCH"]);
    yuehu.sync();
    haishu.sync();
    found(&yuehu, &["full_name=月湖街道社会组织联合党支部", "org_kind=JOINT_BRANCH"]);
    let people: [&[&str]; 2] = [
        &[
            "name=测试甲",
            "id_number=330299198501010019",
            "phone=00000000001",
            "member_kind=FULL",
            "joined_on=2008-07-01",
        ],
        &["name=测试乙", "id_number=330299197906150023", "member_kind=PROB"],
    ];
    for fields in people {
        haishu.good(&[&["record", "new", "person"], fields].concat());
    }
    yuehu.sync();
    haishu.sync();
    let purpose = &["--purpose", "核对"][..];
    let joins: [&[&str]; 2] = [
        &["person=330299198501010019", "party_org=月湖街道社会组织联合党支部", "from=2024-03-01"],
        &["person=330299197906150023", "party_org=海曙区社会组织第一党支部", "from=2025-05-01"],
    ];
    for fields in joins {
        haishu.good(&[purpose, &["record", "new", "affiliation"], fields].concat());
    }
    let works = &["person=330299198501010019", "social_org=甬江读书会", "full_time=true", "from=2020-01-01"];
    haishu.good(&[purpose, &["record", "new", "engagement"], works].concat());
    haishu.good(&[
        "record",
        "new",
        "service_center",
        "name=海曙区社会组织党群服务中心",
        "level=COUNTY",
        "checks=STAFFED,SIGN",
    ]);
    haishu.good(&["record", "delete", &closed, "--reason", "重复登记"]);
    haishu.sync();
    // The chess school moves to another township while that does not know it.
    haishu.good(&["record", "set", &chess, "town_code=330203005"]);
    yuehu.good(&["record", "set", &chess, "address=偃月街二号"]);
    haishu.good(&["record", "set", &reading, "legal_rep_name=乙某"]);
    city.hub.good(&["record", "set", &reading, "legal_rep_name=丙某"]);
    for site in [&yuehu, &haishu, &yuehu, &haishu] {
        site.sync();
    }
    city.stop_hub();
    haishu.good(&["record", "set", &reading, "address=月湖街道三号"]);
    haishu.create(&["name=甬江新书社", "org_type=ST", &code(4)]);
    (city, [haishu, yuehu])
}

/// The frames between haishu and the hub when haishu sends what it has, a line each; `>` is haishu's.
fn recorded(stores: &Path) -> String {
    let opened = |name: &str, role| opening::open(&stores.join(name), role).expect("a store opens").replica;
    let (mut hub, mut haishu) = (opened("hub", Role::Hub), opened("haishu", Role::Node));
    let mut lines = String::new();
    haishu.dial(1);
    hub.listen(1, haishu.device());
    loop {
        let there = taken(&mut haishu);
        let back = taken(&mut hub);
        if there.is_empty() && back.is_empty() {
            return lines;
        }
        for frame in there {
            lines += &format!("> {}\n", HEXLOWER.encode(&frame));
            hub.frame(1, frame, NOW).expect("the hub takes it");
        }
        for frame in back {
            lines += &format!("< {}\n", HEXLOWER.encode(&frame));
            haishu.frame(1, frame, NOW).expect("haishu takes it");
        }
    }
}

fn taken(replica: &mut Replica) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while let Some(effect) = replica.poll(NOW).expect("the store takes it") {
        if let Effect::Frame(_, frame) = effect {
            frames.push(frame);
        }
    }
    frames
}
