//! Beginnings: a directory is its owner's alone, what a crash left of a beginning does no harm, and a name is a name.

use huiliu_tests::harness::process::{City, Site};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_data_directory_is_its_owners_alone() {
    let city = City::found();
    assert_eq!(mode(&city.hub.data), 0o700);
    let found = city.path("haishu");
    fs::create_dir(&found).unwrap();
    fs::set_permissions(&found, fs::Permissions::from_mode(0o755)).unwrap();
    let haishu = city.join("haishu", "330203");
    assert_eq!(mode(&haishu.data), 0o700);
    // Later it is the administrator's to open it, such as for a backup.
    fs::set_permissions(&found, fs::Permissions::from_mode(0o750)).unwrap();
    haishu.sync();
    assert_eq!(mode(&haishu.data), 0o750);
}

#[test]
fn what_a_crash_left_half_written_does_not_stop_a_beginning() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Site::hub(folder.path().join("hub"));
    fs::create_dir(&hub.data).unwrap();
    for left in ["device.key.new", "registry.zst.new", "settings.json.new", "witness.new"] {
        fs::write(hub.data.join(left), b"half").unwrap();
    }
    hub.good(&["init", "--division", "3302"]);

    let city = City::found();
    let node = Site::node(city.path("haishu"));
    fs::create_dir(&node.data).unwrap();
    for left in ["device.key.new", "device.crt.new", "settings.json.new"] {
        fs::write(node.data.join(left), b"half").unwrap();
    }
    node.good(&["join", &city.invite("330203")]);
    node.sync();

    let other = Site::node(city.path("other"));
    fs::create_dir(&other.data).unwrap();
    fs::write(other.data.join("工作计划.new"), b"somebody's").unwrap();
    assert!(other.run(&["join", &city.invite("330203")]).sentence(1).contains("不是空目录"));
}

#[test]
fn a_name_is_a_name() {
    let city = City::found();
    let (node, ticket) = (Site::node(city.path("haishu")), city.invite("330203"));
    // The hub tames what comes all the same: see `a_name_cannot_steer_a_terminal`.
    for name in ["", " ", "海曙\u{1b}[2J一号机", "海曙\n一号机", "海曙\u{202e}", &"长".repeat(65)]
    {
        let sentence = node.run(&["join", &ticket, "--name", name]).sentence(2);
        assert!(sentence.contains("--name"), "{sentence}");
        assert_eq!(city.hub.run(&["--as", name, "status"]).code, 2, "{name:?}");
        assert_eq!(
            Site::hub(city.path("other")).run(&["init", "--division", "3302", "--name", name]).code,
            2
        );
    }
    assert!(!node.data.exists() && !city.path("other").exists(), "nothing was begun");
    node.good(&["join", &ticket, "--name", &"长".repeat(64)]);
    assert_eq!(city.hub.good(&["node", "list"])["nodes"][0]["name"], "长".repeat(64));
}
