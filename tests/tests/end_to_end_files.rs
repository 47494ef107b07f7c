//! Who can read what the programs leave: nobody but their owner, whatever the mask of the shell they are started in, and
//! nothing is ever written through a link.

use huiliu_tests::harness::lists::{TOWNS, list_csv};
use huiliu_tests::harness::process::{City, Site};
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

/// Runs a site's program with the mask that most systems give a shell: others may read.
fn with_a_careless_mask(mut site: Site) -> Site {
    site.under = ["sh", "-c", "umask 022 && exec \"$0\" \"$@\""].map(str::to_owned).to_vec();
    site
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

fn open(path: &Path) {
    fs::set_permissions(path, PermissionsExt::from_mode(0o644)).unwrap();
}

/// Every file and folder below a folder, and itself.
fn all_below(path: PathBuf) -> Vec<PathBuf> {
    let below: Vec<PathBuf> = match fs::read_dir(&path) {
        Ok(entries) => entries.flat_map(|entry| all_below(entry.unwrap().path())).collect(),
        Err(_) => Vec::new(),
    };
    [vec![path], below].concat()
}

#[track_caller]
fn nobody_else_can_read(path: PathBuf) {
    let open: Vec<_> = all_below(path).into_iter().filter(|path| mode(path) & 0o077 != 0).collect();
    assert_eq!(open, Vec::<PathBuf>::new());
}

#[test]
fn what_the_programs_leave_is_their_owners_alone() {
    let mut city = City::found();
    city.stop_hub();
    let hub = with_a_careless_mask(Site::hub(city.path("hub2")));
    hub.good(&["init", "--division", "3302"]);
    let serving = hub.serve();
    let ticket = city.path("ticket");
    hub.good(&["invite", "--division", "330203", "--out", ticket.to_str().unwrap()]);
    let haishu = with_a_careless_mask(Site::node(city.path("haishu")));
    haishu.good(&["join", ticket.to_str().unwrap(), "--name", "haishu"]);
    let service = haishu.serve();
    let list = city.file("名录.csv", list_csv("330203", 0..20, &TOWNS).as_bytes());
    let out = city.path("out");
    fs::create_dir(&out).unwrap();
    let at = |name: &str| out.join(name).to_str().unwrap().to_owned();
    haishu.good(&["import", &list, "--kind", "social_org", "--report", &at("未导入.csv")]);
    haishu.good(&["export", "social_org", "-o", &at("导出.xlsx")]);
    haishu.good(&["template", "social_org", "-o", &at("模板.csv")]);
    haishu.good(&["report", "coverage", "-o", &at("报表.xlsx")]);
    hub.good(&["generate", "--division", "3302", "--organizations", "20", "--out", &at("city")]);
    haishu.sync();
    nobody_else_can_read(haishu.data.clone());
    nobody_else_can_read(hub.data.clone());
    for left in [ticket, out, haishu.data.with_extension("ready")] {
        all_below(left).iter().filter(|path| path.is_file()).for_each(|path| assert_eq!(mode(path), 0o600));
    }
    service.stop();
    serving.stop();
}

/// Who somebody is, is sealed: a key file is there from then on.
fn a_key_is_drawn(site: &Site) {
    site.good(&["record", "new", "person", "name=测试甲", "member_kind=FULL"]);
}

#[test]
fn what_an_earlier_version_left_open_is_closed_without_a_word() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    a_key_is_drawn(&haishu);
    let files: Vec<PathBuf> =
        all_below(haishu.data.clone()).into_iter().filter(|path| path.is_file()).collect();
    assert!(files.iter().any(|path| path.ends_with("keyring")) && files.len() > 5, "{files:?}");
    files.iter().for_each(|path| open(path));
    let said = haishu.run(&["status"]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    nobody_else_can_read(haishu.data.clone());
}

#[test]
fn keys_that_others_can_read_stop_a_program_that_cannot_close_them() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    a_key_is_drawn(&haishu);
    if fs::metadata(&haishu.data).unwrap().uid() != 0 {
        let _ = writeln!(std::io::stderr(), "not run: only root can make somebody else's files");
        return;
    }
    // From here on the directory is nobody's, whose program may not change a file of root's.
    const NOBODY: Option<u32> = Some(65_534);
    all_below(haishu.data.clone()).iter().for_each(|path| chown(path, NOBODY, NOBODY).unwrap());
    fs::set_permissions(city.folder.path(), PermissionsExt::from_mode(0o711)).unwrap();
    let mut nobody = haishu.clone();
    let program = city.path("huiliu-node");
    fs::copy(&nobody.program, &program).unwrap();
    nobody.program = program;
    nobody.under =
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"].map(str::to_owned).to_vec();
    nobody.status();
    for key in ["keyring", "device.key"] {
        let path = haishu.data.join(key);
        chown(&path, Some(0), Some(0)).unwrap();
        open(&path);
        let said = nobody.run(&["status"]).sentence(78);
        assert!(said.contains(&format!("chmod 600 {}", path.display())), "{said}");
        let said = nobody.run(&["serve", "--web", "127.0.0.1:0"]).sentence(78);
        assert!(said.contains("chmod 600"), "{said}");
        chown(&path, NOBODY, NOBODY).unwrap();
        nobody.status();
        assert_eq!(mode(&path), 0o600);
    }
}

#[test]
fn nothing_is_written_through_a_link() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let victim = city.path("victim");
    fs::write(&victim, "untouched").unwrap();
    let link = |name: &str| {
        let path = city.path(name);
        symlink(&victim, &path).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let list = city.file("名录.csv", list_csv("330203", 0..3, &TOWNS).as_bytes());
    let report = ["import", &list, "--kind", "social_org", "--report", &link("report.csv")];
    assert!(haishu.run(&report).sentence(1).contains("链接"));
    assert!(haishu.organizations().is_empty(), "nothing is imported whose report cannot be written");
    for command in [
        ["export", "social_org", "-o", &link("export.xlsx")],
        ["template", "social_org", "-o", &link("template.csv")],
        ["report", "coverage", "-o", &link("coverage.xlsx")],
    ] {
        assert!(haishu.run(&command).sentence(1).contains("链接"), "{command:?}");
    }
    let ticket = ["invite", "--division", "330203", "--out", &link("ticket")];
    assert!(city.hub.run(&ticket).sentence(1).contains("链接"));
    // A link laid where the new file is made, and in the data directory.
    link("haishu.ready.new");
    haishu.serve().stop();
    for name in ["lock", "local.json"] {
        let path = haishu.data.join(name);
        let _ = fs::remove_file(&path);
        symlink(&victim, &path).unwrap();
        assert_ne!(haishu.run(&["serve", "--web", "127.0.0.1:0"]).code, 0, "{name}");
        fs::remove_file(&path).unwrap();
    }
    haishu.status();
    assert_eq!(fs::read_to_string(&victim).unwrap(), "untouched");
}

#[test]
fn a_key_that_somebody_else_may_have_laid_there_is_not_taken_up() {
    let mut city = City::found();
    let ticket = city.invite("330203");
    let plant = |site: &Site| {
        fs::create_dir(&site.data).unwrap();
        let key = site.data.join("device.key");
        fs::write(&key, [7; 32]).unwrap();
        fs::set_permissions(&key, PermissionsExt::from_mode(0o666)).unwrap();
        key
    };
    let (hub, node) = (Site::hub(city.path("planted-hub")), Site::node(city.path("planted-node")));
    for (site, command) in [(&hub, ["init", "--division", "3302"]), (&node, ["join", &ticket, "--name=x"])] {
        let key = plant(site);
        assert!(site.run(&command).sentence(1).contains("可能是别人放的"));
        assert_eq!((fs::read(&key).unwrap(), mode(&key)), (vec![7; 32], 0o666), "nothing was changed");
        // One that is really this user's own is what an interrupted beginning leaves.
        fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
        site.good(&command);
    }
    city.stop_hub();
}
