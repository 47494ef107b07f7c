//! A city with an edition of the division registry that the programs do not carry, and the townships that came after it.

use huiliu_tests::harness::process::{City, Site, assert_equal_fingerprints};
use std::path::Path;
use std::process::Command;

const DIVISIONS: &str = "\
code,name,level,parent
33,浙江省,1,
3302,宁波市,2,33
330203,海曙区,3,3302
330203004,月湖街道,4,330203
330203097,新河街道,4,330203
";
const RETIRED: &str = "code,name,level,retired_on,successor\n330204,江东区,3,2016-09-14,330203\n";

/// Makes an edition with the developers' maker.
fn make_edition(folder: &Path) -> String {
    let path = |name: &str| folder.join(name).to_str().expect("test directories have plain names").to_owned();
    let (divisions, retired, out) = (path("divisions.csv"), path("retired.csv"), path("2024.zst"));
    std::fs::write(&divisions, DIVISIONS).unwrap();
    std::fs::write(&retired, RETIRED).unwrap();
    let maker = Command::new(env!("CARGO_BIN_EXE_make-edition"))
        .args([&divisions, &retired, "2024-12-31", &out])
        .output()
        .unwrap();
    assert!(maker.status.success(), "{}", String::from_utf8_lossy(&maker.stderr));
    out
}

fn names(site: &Site) -> Vec<String> {
    let name = |record: &serde_json::Value| record["fields"]["name"].as_str().unwrap().to_owned();
    site.organizations().iter().map(name).collect()
}

#[test]
fn a_city_goes_by_an_edition_that_the_programs_do_not_carry() {
    let folder = tempfile::tempdir().unwrap();
    let edition = make_edition(folder.path());
    let city = City::found_with(&["init", "--division", "3302", "--registry", &edition]);
    // What only the programs' own edition knows is no division here, and the other way round.
    assert_eq!(city.hub.run(&["invite", "--division", "330281"]).code, 2);

    let xinhe = city.join("xinhe", "330203097");
    let kept = xinhe.data.join("registry.zst");
    assert_eq!(
        std::fs::read(&kept).unwrap(),
        std::fs::read(&edition).unwrap(),
        "fetched with the first sync"
    );
    let fetched = std::fs::metadata(&kept).unwrap().modified().unwrap();
    let id = xinhe.create(&["name=新河读书会", "org_type=BA"]);
    let shown = xinhe.good(&["record", "show", &id]);
    assert_eq!(shown["record"]["division"], "330203097");
    assert_eq!(shown["record"]["fields"]["registration_authority"], "330203");
    xinhe.sync();
    assert_eq!(std::fs::metadata(&kept).unwrap().modified().unwrap(), fetched, "and fetched once");
    assert_eq!(names(&city.hub), ["新河读书会"]);
    assert!(city.hub.talk(&["record", "show", &id]).out.contains("宁波市海曙区新河街道"));

    // A township that no edition knows: the hub registers it, and it is one like the others.
    let haishu = city.join("haishu", "330203");
    assert_eq!(city.hub.run(&["invite", "--division", "330203098"]).code, 2, "not yet");
    let fresh = ["record", "new", "division", "code=330203098", "name=望春街道", "parent=330203"];
    assert_eq!(haishu.run(&fresh).code, 4, "only the hub registers divisions");
    city.hub.good(&fresh);
    haishu.sync();
    let at = haishu.create(&["name=望春读书会", "org_type=BA", "town_code=望春街道"]);
    assert_eq!(haishu.good(&["record", "show", &at])["record"]["division"], "330203098");
    haishu.sync();

    let wangchun = city.join("wangchun", "330203098");
    assert_eq!(names(&wangchun), ["望春读书会"], "its own records, and only these");
    wangchun.good(&["record", "set", &at, "address=望春路1号"]);
    wangchun.create(&["name=望春合唱团", "org_type=BA"]);
    wangchun.sync();
    haishu.sync();
    xinhe.sync();
    assert_eq!(haishu.field(&at, "address"), "望春路1号");
    assert_eq!(names(&haishu), ["新河读书会", "望春读书会", "望春合唱团"]);
    assert_eq!(names(&xinhe), ["新河读书会"]);
    for node in [&xinhe, &haishu, &wangchun] {
        assert_equal_fingerprints(&city.hub, node);
        assert_eq!(node.good(&["verify"])["ok"], true);
    }
}

#[test]
fn a_hub_is_not_founded_on_a_file_that_is_no_edition() {
    let folder = tempfile::tempdir().unwrap();
    let edition = make_edition(folder.path());
    let hub = Site::hub(folder.path().join("hub"));
    let picture = folder.path().join("图片.zst");
    std::fs::write(&picture, b"\x89PNG\r\n").unwrap();
    for file in [picture.as_path(), &folder.path().join("没有.zst")] {
        let arguments = ["init", "--division", "3302", "--registry", file.to_str().unwrap()];
        hub.run(&arguments).sentence(1);
    }
    assert_eq!(
        hub.run(&["init", "--division", "330281", "--registry", &edition]).code,
        2,
        "not in the edition"
    );
    assert_eq!(hub.good(&["init", "--division", "3302", "--registry", &edition])["name"], "宁波市");
}
