//! Who may not: bad tickets, revoked devices, entries out of scope, garbage. Each is refused with a sentence, and
//! nothing is changed.

use huiliu_link::Ticket;
use huiliu_tests::harness::lists::uscc;
use huiliu_tests::harness::process::{City, Site, until};

/// A ticket that does not work: the sentence, and the directory holds no replica.
#[track_caller]
fn refused_join(city: &City, name: &str, ticket: &str) -> String {
    let node = Site::node(city.path(name));
    let sentence = node.run(&["join", ticket]).sentence(4);
    assert_eq!(node.run(&["status"]).code, 4, "nothing was founded");
    assert!(!node.data.join("settings.json").exists());
    assert!(!node.data.join("journal").exists());
    sentence
}

#[test]
fn a_ticket_works_once_bare_or_as_a_file() {
    let city = City::found();
    let file = city.path("海曙邀请码.txt");
    let path = file.to_str().unwrap();
    let invited = city.hub.good(&["invite", "--division", "330203", "--out", path]);
    let written = std::fs::read_to_string(&file).unwrap();
    assert_eq!(written.trim_end(), invited["ticket"].as_str().unwrap());
    assert_eq!(written.lines().count(), 1, "the bare ticket on one line");

    let haishu = Site::node(city.path("haishu"));
    let joined = haishu.good(&["join", path, "--name", "海曙民政一号机"]);
    assert_eq!(joined["division"], "330203");
    let sentence = refused_join(&city, "other", path);
    assert!(sentence.contains("海曙民政一号机"), "names who used it: {sentence}");
    let sentence = refused_join(&city, "third", written.trim());
    assert!(sentence.contains("海曙民政一号机"), "{sentence}");
    assert!(haishu.run(&["join", path]).sentence(1).contains("已有数据"));
    assert_eq!(city.hub.good(&["node", "list"])["nodes"].as_array().unwrap().len(), 1);

    // A scan gun's or a person's writing of it is the same ticket.
    let ticket = city.invite("330203004").to_lowercase();
    let (head, tail) = ticket.split_at(20);
    let node = Site::node(city.path("yuehu"));
    node.good(&["join", &format!("  {head} -\n{tail}\n")]);
}

#[test]
fn an_expired_ticket_is_refused_with_a_sentence() {
    let city = City::found();
    let invited = city.hub.good(&["invite", "--division", "330203", "--ttl", "1s"]);
    let ticket = invited["ticket"].as_str().unwrap();
    // One that joins in time is admitted; each try is a new device only until the first that is refused.
    let sentence = until("the ticket to expire", || {
        let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        (seconds > Ticket::parse(ticket).unwrap().expires).then(|| refused_join(&city, "late", ticket))
    });
    assert!(sentence.contains("过期"), "{sentence}");
    assert!(city.hub.good(&["node", "list"])["nodes"].as_array().unwrap().is_empty());
}

#[test]
fn a_tampered_ticket_is_refused_and_nothing_is_made() {
    let city = City::found();
    let ticket = city.invite("330203");
    let other = |c: char| if c == '7' { '8' } else { '7' };
    let mut tampered: Vec<String> = (0..ticket.len())
        .step_by(9)
        .map(|at| {
            let change = |(i, c): (usize, char)| if i == at { other(c) } else { c };
            ticket.char_indices().map(change).collect()
        })
        .collect();
    tampered.extend([
        ticket[..ticket.len() - 1].to_owned(),
        ticket[..30].to_owned(),
        "HL1.".into(),
        "HL9.ABCD".into(),
    ]);
    tampered.extend([
        format!("{ticket}0"),
        format!("{ticket}{ticket}"),
        "明天去开会".into(),
        "/no/such/file".into(),
    ]);
    for text in &tampered {
        refused_join(&city, "tampered", text);
        assert!(!city.path("tampered").exists(), "not even a directory: {text}");
    }
    let empty = city.file("empty", b"");
    let random: Vec<u8> = (0..4096_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let random = city.file("random", &random);
    let image = city.file("photo.png", b"\x89PNG\r\n\x1a\n");
    for file in [&empty, &random, &image] {
        refused_join(&city, "tampered", file);
    }
    // Sound, but not what the hub wrote: another secret, another hub's key, a division the ticket was not made for.
    let sound = Ticket::parse(&ticket).unwrap();
    let mut secret = sound.clone();
    secret.secret.0[0] ^= 1;
    refused_join(&city, "forged", &secret.encode().unwrap());
    let mut hub = sound.clone();
    hub.hub.0[0] ^= 1;
    let sentence = refused_join(&city, "forged", &hub.encode().unwrap());
    assert!(sentence.contains("不是"), "{sentence}");
    let sites = city.hub.good(&["node", "list"]);
    assert!(sites["nodes"].as_array().unwrap().is_empty());
    // The ticket itself was not used up by any of them.
    Site::node(city.path("haishu")).good(&["join", &ticket]);
}

#[test]
fn a_ticket_bent_to_another_division_gives_no_more_than_was_granted() {
    let city = City::found();
    let mut bent = Ticket::parse(&city.invite("330203004")).unwrap();
    bent.division = 330_203;
    let node = Site::node(city.path("bent"));
    let said = node.run(&["join", &bent.encode().unwrap()]);
    let nodes = city.hub.good(&["node", "list"]);
    let granted = nodes["nodes"].as_array().unwrap();
    assert!(granted.iter().all(|node| node["division"] == "330203004"), "{nodes}");
    if said.code == 0 {
        // Whatever it believes of itself, it cannot write for the county.
        let code = format!("uscc={}", uscc("330203", 1));
        let made = node.run(&[
            "record",
            "new",
            "social_org",
            "name=越权试验",
            "org_type=ST",
            &code,
            "registration_authority=330203",
        ]);
        assert_eq!(made.code, 4, "{}", made.json);
    }
}

#[test]
fn the_same_device_joins_again_after_a_lost_reply() {
    let city = City::found();
    let ticket = city.invite("330203");
    let haishu = Site::node(city.path("haishu"));
    haishu.good(&["join", &ticket]);
    // As if the reply had never come: the key is there and nothing else.
    let key = std::fs::read(haishu.data.join("device.key")).unwrap();
    std::fs::remove_dir_all(&haishu.data).unwrap();
    std::fs::create_dir(&haishu.data).unwrap();
    let path = haishu.data.join("device.key");
    std::fs::write(&path, key).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    haishu.good(&["join", &ticket]);
    // As if it had been killed after the reply was kept and before anything began.
    for begun in ["journal", "index"] {
        std::fs::remove_dir_all(haishu.data.join(begun)).unwrap();
    }
    for begun in ["witness", "settings.json"] {
        std::fs::remove_file(haishu.data.join(begun)).unwrap();
    }
    // What there is only when a key was drawn, or when both were level.
    for begun in ["keyring", "keyring-witness", "synced"] {
        std::fs::remove_file(haishu.data.join(begun)).ok();
    }
    haishu.good(&["join", &ticket]);
    haishu.create(&["name=试验", "org_type=ST", &format!("uscc={}", uscc("330203", 1))]);
    haishu.sync();
    assert_eq!(city.hub.good(&["node", "list"])["nodes"].as_array().unwrap().len(), 1);
    assert_eq!(city.hub.organizations().len(), 1);
}

#[test]
fn a_revoked_node_is_told_why_and_keeps_its_data() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let yuyao = city.join("yuyao", "330281");
    let kept = haishu.create(&["name=先前的", "org_type=ST", &format!("uscc={}", uscc("330203", 1))]);
    haishu.sync();
    haishu.create(&["name=之后的", "org_type=ST", &format!("uscc={}", uscc("330203", 2))]);
    city.hub.good(&["--as", "陈科长", "node", "revoke", "haishu", "--reason", "电脑已报废"]);
    let before = city.hub.status()["fingerprint"].clone();

    let sentence = haishu.run(&["sync"]).sentence(4);
    assert!(sentence.contains("电脑已报废"), "{sentence}");
    // It knows from now on, also without a service and without a link.
    let lost = ["record", "new", "social_org", "name=没用的", "org_type=BA"];
    assert!(haishu.run(&lost).sentence(4).contains("电脑已报废"));
    assert!(haishu.status()["revoked"].as_str().unwrap().contains("电脑已报废"));
    assert!(haishu.talk(&["status"]).out.contains("电脑已报废"));
    let english = haishu.talk(&["--lang", "en", "sync"]).err;
    assert!(english.contains("the hub refuses: the hub has revoked this device"), "{english}");
    assert!(!english.contains("撤销"), "{english}");
    assert!(yuyao.status()["revoked"].is_null());
    assert_eq!(haishu.organizations().len(), 2, "its data can be read");
    assert_eq!(haishu.good(&["record", "show", &kept])["record"]["fields"]["name"], "先前的");
    let out = city.path("out.csv");
    haishu.good(&["export", "social_org", "-o", out.to_str().unwrap()]);
    assert_eq!(city.hub.status()["fingerprint"], before, "nothing of it was taken");
    assert_eq!(city.hub.organizations().len(), 1, "what it had sent before counts");
    let nodes = city.hub.good(&["node", "show", "haishu"]);
    assert_eq!(nodes["node"]["state"], "revoked");
    assert_eq!(nodes["node"]["reason"], "电脑已报废");
    assert!(city.hub.run(&["node", "revoke", "没有这台"]).sentence(1).contains("没有"));
    yuyao.sync();
}

#[test]
fn a_node_that_serves_is_told_when_it_is_revoked() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let service = haishu.serve();
    until("the node to be connected", || (haishu.status()["transport"] == "QUIC").then_some(()));
    city.hub.good(&["node", "revoke", "330203", "--reason", "岗位调整"]);
    until("the node to say so", || {
        let status = haishu.status();
        let trouble = status["trouble"].as_str().unwrap_or_default().to_owned();
        (status["transport"].is_null() && trouble.contains("岗位调整")).then_some(())
    });
    assert!(haishu.run(&["sync"]).sentence(4).contains("岗位调整"));
    haishu.organizations();
    service.stop();
}
