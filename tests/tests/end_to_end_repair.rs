//! Damage to real directories, and the real programs that find it, name it and mend it.

use huiliu_tests::harness::process::{City, Site, assert_equal_fingerprints};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A node with organizations, some changed several times, and level with the hub.
fn level_node(city: &City) -> (Site, Vec<String>) {
    let haishu = city.join("haishu", "330203");
    let ids: Vec<String> = (0..8)
        .map(|n| {
            let name = format!("name=修复试验{n}号社");
            haishu.create(&[&name, "org_type=BA", "registration_authority=330203"])
        })
        .collect();
    for n in 0..6 {
        haishu.good(&["record", "set", &ids[n % 3], &format!("address=月湖街道{n}号")]);
    }
    haishu.sync();
    (haishu, ids)
}

fn largest(site: &Site) -> PathBuf {
    let length = |path: &PathBuf| fs::metadata(path).unwrap().len();
    site.segments().into_iter().max_by_key(length).unwrap()
}

fn bend(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

fn forget_index(site: &Site) {
    fs::remove_dir_all(site.data.join("index")).unwrap();
}

/// Every file below a folder and what is in it.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(contents(&path));
        } else {
            all.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    all
}

fn damaged(said: &Json) -> &Vec<Json> {
    said["damaged"].as_array().unwrap()
}

#[test]
fn the_index_is_computed_again_whenever_it_is_gone() {
    let city = City::found();
    let (haishu, _) = level_node(&city);
    let before = haishu.status();
    forget_index(&haishu);
    let after = haishu.status();
    assert_eq!(before["fingerprint"], after["fingerprint"]);
    assert_eq!(before["incarnation"], after["incarnation"]);
    let rebuilt = haishu.good(&["rebuild"]);
    assert_eq!((&rebuilt["ok"], &rebuilt["records"]), (&Json::Bool(true), &after["records"]));
    assert_eq!(haishu.status()["fingerprint"], after["fingerprint"]);
}

#[test]
fn a_flipped_byte_is_named_and_mended() {
    let city = City::found();
    let (haishu, ids) = level_node(&city);
    for without_index in [false, true] {
        let path = largest(&haishu);
        bend(&path, fs::metadata(&path).unwrap().len() as usize / 3);
        if without_index {
            forget_index(&haishu);
        }
        let before = contents(&haishu.data);
        let said = haishu.run(&["verify"]).with(7);
        assert_eq!(contents(&haishu.data), before, "verify changes nothing");
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(damaged(&said).iter().all(|one| one["segment"] == name), "{said}");
        if !without_index {
            assert!(
                damaged(&said).iter().all(|one| one["feed"].is_string() && one["number"].is_u64()),
                "{said}"
            );
            assert!(damaged(&said).len() > 1, "every entry of the run is named: {said}");
        }
        if without_index {
            let status = haishu.status();
            assert!(status["notice"].is_string() && status["verified_at"].is_null(), "{status}");
        }
        let repaired = haishu.good(&["repair", "--from-hub"]);
        let from = if without_index { "fetched" } else { "repaired" };
        assert!(repaired[from].as_u64().unwrap() > 0, "{repaired}");
        assert_eq!(repaired["holes"].as_array().unwrap().len(), 0);
        assert_eq!(haishu.good(&["verify"])["ok"], true);
        assert!(fs::read_dir(haishu.data.join("damaged")).unwrap().count() > 0, "the original is kept");
        assert_equal_fingerprints(&haishu, &city.hub);
        assert_eq!(haishu.organizations().len(), ids.len());
        haishu.sync();
        let status = haishu.status();
        assert!(status["notice"].is_null() && status["verified_at"].is_string(), "{status}");
    }
    assert_eq!(haishu.good(&["repair", "--from-hub"])["repaired"], 0, "nothing is left to do");
}

#[test]
fn a_lost_end_comes_back_and_nothing_forks() {
    let city = City::found();
    let (haishu, _) = level_node(&city);
    let path = haishu.segments().pop().unwrap();
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 37]).unwrap();
    assert!(!damaged(&haishu.run(&["verify"]).with(7)).is_empty(), "an end that is missing is damage");
    let status = haishu.status();
    assert!(status["notice"].is_string() && status["verified_at"].is_null(), "{status}");
    haishu.sync();
    let status = haishu.status();
    assert!(status["notice"].is_null() && status["verified_at"].is_string(), "{status}");
    for site in [&haishu, &city.hub] {
        let status = site.status();
        assert_eq!(
            (&status["quarantined"], &status["conflicts"]),
            (&Json::from(0), &Json::from(0)),
            "{status}"
        );
    }
    assert_equal_fingerprints(&haishu, &city.hub);
    assert_eq!(haishu.good(&["verify"])["ok"], true);
}

#[test]
fn a_lost_witness_and_a_bent_header_cost_nothing() {
    let city = City::found();
    let (haishu, _) = level_node(&city);
    let before = haishu.status();
    fs::remove_file(haishu.data.join("witness")).unwrap();
    assert_eq!(haishu.status(), before);
    bend(&largest(&haishu), 3);
    assert_eq!(damaged(&haishu.run(&["verify"]).with(7))[0]["offset"], 0);
    assert_eq!(haishu.status()["fingerprint"], before["fingerprint"]);
    forget_index(&haishu);
    assert_eq!(haishu.status()["fingerprint"], before["fingerprint"]);
    haishu.good(&["repair"]);
    assert_eq!(haishu.good(&["verify"])["ok"], true);
    assert_eq!(haishu.status()["fingerprint"], before["fingerprint"]);
}

#[test]
fn an_index_with_damaged_files_is_put_aside() {
    let city = City::found();
    let (haishu, ids) = level_node(&city);
    let print = haishu.status()["fingerprint"].clone();
    let ways: [fn(&mut Vec<u8>); 5] = [
        |bytes| bytes.iter_mut().step_by(997).for_each(|byte| *byte ^= 0x20),
        |bytes| bytes.chunks_mut(4096).skip(1).step_by(2).for_each(|page| page.fill(0)),
        |bytes| bytes.truncate(bytes.len() / 2),
        |bytes| bytes.fill(0xa5),
        Vec::clear,
    ];
    for (way, spoil) in ways.iter().enumerate() {
        for name in ["db", "conf"] {
            let path = haishu.data.join("index").join(name);
            let mut bytes = fs::read(&path).unwrap();
            spoil(&mut bytes);
            fs::write(&path, bytes).unwrap();
            let status = haishu.status();
            assert_eq!(status["fingerprint"], print, "way {way}, {name}");
            assert_eq!(status["records"]["social_org"], ids.len(), "way {way}, {name}");
        }
    }
    assert_eq!(haishu.good(&["verify"])["ok"], true);
    haishu.good(&["record", "set", &ids[0], "address=仍可填报"]);
    haishu.sync();
    assert_equal_fingerprints(&haishu, &city.hub);
}

#[test]
fn what_nobody_has_stays_a_hole_and_what_followed_is_kept() {
    let mut city = City::found();
    let (haishu, ids) = level_node(&city);
    city.stop_hub();
    let from = fs::metadata(largest(&haishu)).unwrap().len() as usize;
    haishu.good(&["record", "set", &ids[0], "address=会丢的一笔"]);
    haishu.good(&["record", "set", &ids[0], "legal_rep_name=甲某"]);
    haishu.good(&["record", "set", &ids[1], "legal_rep_name=乙某"]);
    bend(&largest(&haishu), from + 60);
    forget_index(&haishu);
    let said = haishu.run(&["repair", "--from-hub"]);
    assert_eq!(said.code, 5, "without the hub nobody knows what it has: {}", said.err);
    city.start_hub();
    let said = haishu.run(&["repair", "--from-hub"]).with(3);
    assert_eq!(said["holes"].as_array().unwrap().len(), 1, "{said}");
    assert_eq!(said["kept"], 2, "{said}");
    assert_eq!(haishu.good(&["verify"])["ok"], true);
    haishu.sync();
    for site in [&haishu, &city.hub] {
        assert_eq!(site.field(&ids[0], "legal_rep_name"), "甲某");
        assert_eq!(site.field(&ids[1], "legal_rep_name"), "乙某");
    }
    assert_equal_fingerprints(&haishu, &city.hub);
    forget_index(&haishu);
    assert_equal_fingerprints(&haishu, &city.hub);
    assert_eq!(haishu.good(&["repair", "--from-hub"])["kept"], 0, "it is done once");
}

#[test]
fn a_hub_gives_up_a_hole_of_its_own_when_its_nodes_have_been_heard() {
    let mut city = City::found();
    let (haishu, ids) = level_node(&city);
    let from = fs::metadata(largest(&city.hub)).unwrap().len() as usize;
    // One start of the hub, one feed: a hub begins another with what it writes first after a start.
    city.hub.good(&["record", "set", &ids[0], "address=会丢的一笔"]);
    city.hub.good(&["record", "set", &ids[0], "legal_rep_name=甲某"]);
    city.hub.good(&["record", "set", &ids[1], "legal_rep_name=乙某"]);
    city.stop_hub();
    bend(&largest(&city.hub), from + 60);
    forget_index(&city.hub);
    let said = city.hub.run(&["repair"]).with(3);
    assert_eq!(said["holes"].as_array().unwrap().len(), 1, "{said}");
    assert_eq!(said["kept"], 0, "its nodes may have what is missing: {said}");
    assert!(said["unread"].as_u64().unwrap() > 0, "{said}");
    city.start_hub();
    haishu.sync();
    city.stop_hub();
    let said = city.hub.run(&["repair"]).with(3);
    assert_eq!(said["kept"], 2, "{said}");
    assert_eq!(city.hub.good(&["verify"])["ok"], true);
    city.start_hub();
    haishu.sync();
    for site in [&haishu, &city.hub] {
        assert_eq!(site.field(&ids[0], "legal_rep_name"), "甲某");
        assert_eq!(site.field(&ids[1], "legal_rep_name"), "乙某");
    }
    assert_equal_fingerprints(&haishu, &city.hub);
}

#[test]
fn a_backup_brings_back_what_the_hub_never_had() {
    let mut city = City::found();
    let (haishu, ids) = level_node(&city);
    city.stop_hub();
    let from = fs::metadata(largest(&haishu)).unwrap().len() as usize;
    haishu.good(&["record", "set", &ids[0], "address=只在本机"]);
    haishu.good(&["record", "set", &ids[1], "address=也只在本机"]);
    let backup = city.path("backup");
    let copied = Command::new("cp").arg("-r").arg(&haishu.data).arg(&backup).status().unwrap();
    assert!(copied.success());
    bend(&largest(&haishu), from + 60);
    forget_index(&haishu);
    let said = haishu.good(&["repair", "--from-backup", backup.to_str().unwrap()]);
    assert!(said["fetched"].as_u64().unwrap() > 0, "{said}");
    assert_eq!(haishu.field(&ids[0], "address"), "只在本机");
    assert_eq!(haishu.field(&ids[1], "address"), "也只在本机");
    assert_eq!(haishu.good(&["verify"])["ok"], true);
    let nowhere = city.path("nowhere");
    haishu.run(&["repair", "--from-backup", nowhere.to_str().unwrap()]).sentence(1);
}

#[test]
fn a_service_keeps_its_directory_to_itself_and_a_hub_is_mended_too() {
    let mut city = City::found();
    let (haishu, _) = level_node(&city);
    for command in ["repair", "rebuild"] {
        city.hub.run(&[command]).sentence(6);
    }
    city.stop_hub();
    let print = city.hub.status()["fingerprint"].clone();
    let path = largest(&city.hub);
    bend(&path, fs::metadata(&path).unwrap().len() as usize / 3);
    assert!(!damaged(&city.hub.run(&["verify"]).with(7)).is_empty());
    city.hub.good(&["repair"]);
    assert_eq!(city.hub.good(&["verify"])["ok"], true);
    assert_eq!(city.hub.status()["fingerprint"], print);
    city.start_hub();
    haishu.sync();
    assert_equal_fingerprints(&haishu, &city.hub);
}

#[test]
fn where_going_on_would_harm_it_stops_with_78_and_verify_does_not() {
    let city = City::found();
    let (haishu, _) = level_node(&city);
    for name in ["device.key", "settings.json"] {
        let path = haishu.data.join(name);
        let good = fs::read(&path).unwrap();
        fs::write(&path, b"{").unwrap();
        let before = contents(&haishu.data.join("journal"));
        let sentence = haishu.run(&["status"]).sentence(78);
        assert!(sentence.contains("没有改动"), "{sentence}");
        assert_eq!(contents(&haishu.data.join("journal")), before);
        let said = haishu.run(&["verify"]).with(7);
        assert!(damaged(&said).iter().any(|one| one["segment"] == name), "{said}");
        fs::write(&path, good).unwrap();
    }
    let path = largest(&haishu);
    let good = fs::read(&path).unwrap();
    let mut newer = good.clone();
    newer[7] = 2;
    fs::write(&path, &newer).unwrap();
    haishu.run(&["status"]).sentence(78);
    haishu.run(&["verify"]).with(7);
    assert_eq!(fs::read(&path).unwrap(), newer);
    fs::write(&path, good).unwrap();
    assert_eq!(haishu.good(&["verify"])["ok"], true);
}

/// A small disk of its own, as long as this lives; none where nobody may mount.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: PathBuf) -> Option<Self> {
        fs::create_dir_all(&at).unwrap();
        let size = ["-t", "tmpfs", "-o", "size=64m", "tmpfs"];
        let mounted = Command::new("mount").args(size).arg(&at).status();
        mounted.is_ok_and(|status| status.success()).then_some(Self(at))
    }

    fn remount(&self, how: &str) {
        let options = format!("remount,{how}");
        let mounted = Command::new("mount").args(["-o", &options]).arg(&self.0).status().unwrap();
        assert!(mounted.success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn on_a_full_or_read_only_disk_reading_and_exporting_go_on() {
    let city = City::found();
    let Some(small) = SmallDisk::mount(city.path("small")) else {
        let _ = writeln!(std::io::stderr(), "not run: this machine lets nobody mount a disk");
        return;
    };
    let haishu = Site::node(small.0.join("haishu"));
    haishu.good(&["join", &city.invite("330203"), "--name", "haishu"]);
    let id = haishu.create(&["name=满盘试验社", "org_type=BA", "registration_authority=330203"]);
    haishu.sync();
    let print = haishu.status()["fingerprint"].clone();
    let filler = small.0.join("filler");
    for full in [true, false] {
        if full {
            // Fills the disk to its last byte, and fails when it has.
            let _ = Command::new("dd")
                .arg("if=/dev/zero")
                .arg(format!("of={}", filler.display()))
                .args(["bs=4k", "status=none"])
                .stderr(std::process::Stdio::null())
                .status();
        } else {
            fs::remove_file(&filler).unwrap();
            haishu.good(&["record", "set", &id, "address=空出之后"]);
            haishu.sync();
            small.remount("ro");
        }
        let before = contents(&haishu.data.join("journal"));
        let status = haishu.status();
        if full {
            assert_eq!(status["fingerprint"], print);
        } else {
            assert_eq!(
                (&status["read_only"], status["notice"].is_string()),
                (&Json::Bool(true), true),
                "{status}"
            );
        }
        assert_eq!(haishu.organizations().len(), 1);
        assert_eq!(haishu.field(&id, "name"), "满盘试验社");
        assert_eq!(haishu.good(&["verify"])["ok"], true);
        let table = city.path("out.csv");
        haishu.good(&["export", "social_org", "-o", table.to_str().unwrap()]);
        assert!(fs::read_to_string(&table).unwrap().contains("满盘试验社"));
        haishu.run(&["record", "set", &id, "address=存不下"]).sentence(1);
        assert_eq!(haishu.field(&id, "address"), if full { Json::Null } else { "空出之后".into() });
        assert_eq!(contents(&haishu.data.join("journal")), before, "nothing half written stays");
    }
    small.remount("rw");
    haishu.good(&["record", "set", &id, "address=又能写了"]);
    haishu.sync();
    assert_equal_fingerprints(&haishu, &city.hub);
}
