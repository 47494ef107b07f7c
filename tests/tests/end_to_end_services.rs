//! Services that are stopped, killed and started again, and data directories that were tampered with.

use huiliu_tests::harness::lists::{TOWNS, list_csv, uscc};
use huiliu_tests::harness::process::{City, Site, assert_equal_fingerprints, until};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;

fn new_organization(site: &Site, n: usize) -> String {
    let name = format!("name=试验第{n}号协会");
    site.create(&[&name, "org_type=ST", &format!("uscc={}", uscc("330203", n))])
}

#[test]
fn what_a_dead_service_left_behind_counts_as_no_service() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let door = haishu.data.join("local.json");
    let service = haishu.serve();
    let token = fs::read(&door).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&door).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600, "only the owner can read the token");
    service.kill();
    assert!(door.exists(), "a killed service leaves it");
    new_organization(&haishu, 1);
    haishu.sync();

    // Somebody else now listens where it did: one who answers something else, one who says nothing, one who hangs up.
    let left_over = |listener: &TcpListener| {
        let address = listener.local_addr().unwrap();
        let mut left: serde_json::Value = serde_json::from_slice(&token).unwrap();
        left["address"] = address.to_string().into();
        fs::write(&door, left.to_string()).unwrap();
    };
    let answers = TcpListener::bind("127.0.0.1:0").unwrap();
    left_over(&answers);
    let thread = std::thread::spawn(move || {
        // Nobody may come at all: the wait for it ends with the test.
        if let Ok((mut stream, _)) = answers.accept() {
            let _ = stream.read(&mut [0; 1000]);
            let _ = stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
        }
    });
    assert_eq!(haishu.organizations().len(), 1);
    drop(thread);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    left_over(&silent);
    assert_eq!(haishu.organizations().len(), 1);
    let hangs_up = TcpListener::bind("127.0.0.1:0").unwrap();
    left_over(&hangs_up);
    let thread = std::thread::spawn(move || drop(hangs_up.accept()));
    assert_eq!(haishu.organizations().len(), 1);
    drop(thread);
    for nonsense in [&b""[..], b"{}", b"\xff\xfe", b"[1,2"] {
        fs::write(&door, nonsense).unwrap();
        assert_eq!(haishu.organizations().len(), 1);
    }
    let service = haishu.serve();
    new_organization(&haishu, 2);
    service.stop();
    assert!(!door.exists(), "one that ends in order leaves nothing");
}

#[test]
fn a_directory_has_one_service() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let service = haishu.serve();
    assert!(haishu.run(&["serve", "--web", "127.0.0.1:0"]).sentence(6).contains("正被"));
    assert!(
        city.hub
            .run(&["serve", "--listen", "127.0.0.1:0", "--web", "127.0.0.1:0"])
            .sentence(6)
            .contains("正被")
    );
    // In use and no service answers.
    let door = haishu.data.join("local.json");
    let held = fs::read(&door).unwrap();
    fs::remove_file(&door).unwrap();
    assert!(haishu.run(&["status"]).sentence(6).contains("正被另一个程序使用"));
    fs::write(&door, held).unwrap();
    haishu.status();
    service.stop();
    haishu.status();
}

#[test]
fn a_service_ends_in_order_whatever_it_is_doing() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let service = haishu.serve();
    until("the link", || (haishu.status()["transport"] == "QUIC").then_some(()));
    let list = city.file("名录.csv", list_csv("330203", 0..3000, &TOWNS).as_bytes());
    let before = haishu.segments().len();
    let client = haishu.start(&["import", &list, "--kind", "social_org"]);
    until("the import to be under way", || {
        let bytes: u64 = haishu.segments().iter().map(|path| fs::metadata(path).unwrap().len()).sum();
        (bytes > 60_000 || before > 1).then_some(())
    });
    service.stop();
    let said = client.finish();
    assert!(said.code == 0 || said.code == 1, "{}", said.out);
    assert_eq!(haishu.good(&["verify"])["ok"], true);
    let mut city = city;
    let other = haishu.serve();
    city.stop_hub();
    other.stop();
}

#[test]
fn an_import_that_the_end_of_the_service_cuts_short_says_how_far_it_came() {
    const ROWS: usize = 12_000;
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let service = haishu.serve();
    let list = city.file("名录.csv", list_csv("330203", 0..ROWS, &TOWNS).as_bytes());
    let client = haishu.start(&["import", &list, "--kind", "social_org"]);
    until("the import to be under way", || {
        (haishu.status()["records"]["social_org"].as_u64() > Some(0)).then_some(())
    });
    service.stop();
    let said = client.finish();
    let done = said.json["rows_done"].as_u64().unwrap_or_default() as usize;
    assert!(said.sentence(1).contains(&format!("前 {done} 行")));
    assert!(done > 0 && done < ROWS);
    assert_eq!(haishu.organizations().len(), done, "what is done is durable, and nothing else");
    let again = haishu.good(&["import", &list, "--kind", "social_org"]);
    assert_eq!(again["same"], done);
    assert_eq!(again["created"], ROWS - done);
}

#[test]
fn killed_and_started_again_everything_called_saved_is_there() {
    let mut city = City::found();
    let haishu = city.join("haishu", "330203");
    let mut ids = Vec::new();
    for round in 0..4 {
        let service = haishu.serve();
        for n in 0..3 {
            ids.push(new_organization(&haishu, round * 10 + n));
            let site = if n == 1 { &city.hub } else { &haishu };
            if n == 1 {
                until("the hub to have it", || {
                    (!city.hub.field(&ids[ids.len() - 1], "name").is_null()).then_some(())
                });
            }
            let last = &ids[ids.len() - 1];
            site.good(&["record", "set", last, &format!("address=第{round}次")]);
        }
        if round % 2 == 0 {
            city.kill_hub();
            service.kill();
        } else {
            service.kill();
            city.kill_hub();
        }
        for (at, id) in ids.iter().enumerate() {
            let site = if at % 3 == 1 { &city.hub } else { &haishu };
            assert_eq!(site.field(id, "address"), format!("第{}次", at / 3));
        }
        city.start_hub();
    }
    haishu.sync();
    assert_eq!(city.hub.organizations().len(), 12);
    assert_equal_fingerprints(&haishu, &city.hub);
    for site in [&haishu, &city.hub] {
        assert_eq!(site.good(&["verify"])["ok"], true);
        assert_eq!(site.status()["conflicts"], 0);
        assert!(site.status()["notice"].is_null(), "nothing was lost, so no new incarnation");
    }
}

#[test]
fn the_index_can_be_deleted_at_any_time() {
    let mut city = City::found();
    let haishu = city.join("haishu", "330203");
    let list = city.file("名录.csv", list_csv("330203", 0..100, &TOWNS).as_bytes());
    haishu.good(&["import", &list, "--kind", "social_org"]);
    haishu.sync();
    // A conflict, a refusal and a revoked device are found again too.
    let id = haishu.organizations()[0]["id"].as_str().unwrap().to_owned();
    let yuyao = city.join("yuyao", "330281");
    city.hub.good(&["node", "revoke", "yuyao"]);
    city.stop_hub();
    haishu.good(&["record", "set", &id, "grade=1A"]);
    city.hub.good(&["record", "set", &id, "grade=2A"]);
    city.start_hub();
    haishu.sync();
    city.stop_hub();
    for site in [&haishu, &city.hub] {
        let (status, list) = (site.status(), site.organizations());
        let conflicts = site.good(&["conflict", "list"]);
        fs::remove_dir_all(site.data.join("index")).unwrap();
        let after = site.status();
        for key in [
            "fingerprint",
            "frontier",
            "records",
            "conflicts",
            "pending",
            "incarnation",
            "quarantined",
            "waiting",
            "waiting_to_apply",
        ] {
            assert_eq!(after[key], status[key], "{key} of {}", site.data.display());
        }
        assert_eq!(site.organizations(), list);
        assert_eq!(site.good(&["conflict", "list"]), conflicts);
        assert_eq!(status["conflicts"], 1);
    }
    // One that is damaged is put aside and computed again.
    let index = haishu.data.join("index");
    let status = haishu.status();
    for entry in fs::read_dir(&index).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::write(&path, b"not what sled wrote").unwrap();
        }
    }
    assert_eq!(haishu.status()["fingerprint"], status["fingerprint"]);
    city.start_hub();
    haishu.sync();
    assert_eq!(yuyao.run(&["sync"]).code, 4);
    assert_equal_fingerprints(&haishu, &city.hub);
}

/// Cuts bytes off the end of a site's newest segment.
fn cut(site: &Site, bytes: u64) {
    let path = site.segments().pop().expect("a segment");
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    let length = file.metadata().unwrap().len();
    file.set_len(length - bytes).unwrap();
}

#[test]
fn a_tail_that_was_lost_comes_back_from_the_hub() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let ids: Vec<String> = (0..5).map(|n| new_organization(&haishu, n)).collect();
    haishu.sync();
    let before = haishu.status();
    assert_eq!(before["pending"], 0);
    cut(&haishu, 37);
    let after = haishu.status();
    assert!(after["notice"].as_str().is_some_and(|notice| notice.contains("丢失")), "{after}");
    assert_ne!(after["incarnation"], before["incarnation"]);
    assert!(haishu.organizations().len() < 5);
    assert_eq!(haishu.good(&["verify"])["ok"], true);
    // It can be written at once, and the next sync brings back what was lost.
    let sixth = new_organization(&haishu, 5);
    haishu.sync();
    let held = haishu.organizations();
    assert_eq!(held.len(), 6);
    assert!(ids.iter().chain([&sixth]).all(|id| held.iter().any(|record| record["id"] == id.as_str())));
    assert_eq!(haishu.good(&["verify"])["ok"], true);
    assert_eq!(city.hub.good(&["verify"])["ok"], true);
    assert_equal_fingerprints(&haishu, &city.hub);
    assert_eq!(haishu.status()["pending"], 0);
    assert_eq!(city.hub.organizations().len(), 6);
}

#[test]
fn a_hub_that_lost_its_tail_gets_it_back_from_its_nodes() {
    let mut city = City::found();
    let haishu = city.join("haishu", "330203");
    for n in 0..5 {
        new_organization(&haishu, n);
    }
    haishu.sync();
    city.stop_hub();
    cut(&city.hub, 37);
    let status = city.hub.status();
    assert!(status["notice"].as_str().is_some_and(|notice| notice.contains("丢失")), "{status}");
    city.start_hub();
    haishu.sync();
    assert_eq!(city.hub.organizations().len(), 5);
    assert_equal_fingerprints(&haishu, &city.hub);
    assert_eq!(city.hub.good(&["verify"])["ok"], true);
    // It still grants and judges.
    let yuyao = city.join("yuyao", "330281");
    yuyao.sync();
    haishu.sync();
    assert_equal_fingerprints(&yuyao, &city.hub);
    assert_equal_fingerprints(&haishu, &city.hub);
}

#[test]
fn a_flipped_byte_is_found_and_named() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    for n in 0..6 {
        new_organization(&haishu, n);
    }
    haishu.sync();
    let path = haishu.segments().pop().unwrap();
    let good = fs::read(&path).unwrap();
    let place = good.len() / 2;
    let mut bad = good.clone();
    bad[place] ^= 0x10;
    fs::write(&path, &bad).unwrap();
    let json = haishu.run(&["verify"]).with(7);
    assert_eq!(json["ok"], false);
    let damaged = json["damaged"].as_array().unwrap();
    let first = &damaged[0];
    assert_eq!(first["segment"], path.file_name().unwrap().to_str().unwrap());
    let offset = first["offset"].as_u64().unwrap() as usize;
    assert!(offset <= place && place - offset < 4096, "{offset} is the entry that holds {place}");
    for key in ["feed", "number", "reason"] {
        assert!(first.get(key).is_some(), "{first}");
    }
    assert!(!first["reason"].as_str().unwrap().is_empty());
    assert_eq!(fs::read(&path).unwrap(), bad, "verify changes nothing");
    let said = haishu.talk(&["verify"]);
    assert_eq!(said.code, 7);
    assert!(said.out.contains("损坏"), "{}", said.out);
    // With the byte as it was, all is well.
    fs::write(&path, good).unwrap();
    assert_eq!(haishu.good(&["verify"])["ok"], true);
}

#[test]
fn a_service_that_hangs_is_given_up() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let service = haishu.serve();
    let signal = |name: &str| {
        let pid = service.running.pid();
        let sent = std::process::Command::new("sh").args(["-c", &format!("kill -{name} {pid}")]).status();
        assert!(sent.unwrap().success());
    };
    signal("STOP");
    // Each waits by itself; all at once, so that the test does not wait three times.
    let commands = [&["status"][..], &["record", "list", "social_org"], &["sync"]];
    let hanging: Vec<_> = commands.iter().map(|arguments| haishu.start(arguments)).collect();
    for command in hanging {
        assert!(command.finish().sentence(6).contains("没有应答"));
    }
    signal("CONT");
    new_organization(&haishu, 1);
    haishu.sync();
    service.stop();
}

#[test]
fn beside_a_service_and_without_one_the_answer_is_the_same() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let large = city.path("太大.csv");
    fs::File::create(&large).unwrap().set_len((256 << 20) + 1).unwrap();
    let large = large.to_str().unwrap();
    let both = || {
        // A node's program on a hub's directory, and the other way round.
        let wrong = [Site::node(&city.hub.data), Site::hub(&haishu.data)]
            .map(|site| site.run(&["status"]).sentence(2));
        (wrong, haishu.run(&["import", large, "--kind", "social_org"]).sentence(1))
    };
    let without = both();
    assert!(without.1.contains("256 MB"), "{}", without.1);
    let service = haishu.serve();
    assert_eq!(both(), without);
    service.stop();
}

#[test]
fn a_ready_file_goes_with_its_service() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let service = haishu.serve();
    let ready = haishu.data.with_extension("ready");
    assert!(ready.exists());
    service.stop();
    assert!(!ready.exists());
}

#[test]
fn a_demonstration_that_is_interrupted_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let left = || fs::read_dir(folder.path()).unwrap().count();
    for signal in ["TERM", "INT"] {
        let mut command = std::process::Command::new(huiliu_tests::harness::process::binary("huiliu-hub"));
        command.arg("demo").env("TMPDIR", folder.path());
        let mut demo =
            command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped()).spawn().unwrap();
        until("the demonstration to have begun", || (left() > 0).then_some(()));
        let sent =
            std::process::Command::new("sh").args(["-c", &format!("kill -{signal} {}", demo.id())]).status();
        assert!(sent.unwrap().success());
        until("its end", || demo.try_wait().unwrap());
        let mut said = String::new();
        demo.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(said.contains("演示已中断"), "{said}");
        assert_eq!(left(), 0);
    }
}

#[test]
fn a_demonstration_comes_to_its_end_and_all_agree() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new(huiliu_tests::harness::process::binary("huiliu-hub"));
    command.args(["--json", "demo", "--exit", "--counties", "2", "--organizations", "300"]);
    let demo = command.env("TMPDIR", folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&demo.stderr);
    assert!(demo.status.success(), "{said}");
    let answer: serde_json::Value = serde_json::from_slice(&demo.stdout).unwrap();
    assert_eq!(answer["equal"], true, "{said}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
