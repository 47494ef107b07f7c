//! What the hub refuses becomes a draft, and a person makes something of it.

use super::{READERS, city, spoiled_run};
use huiliu_core::model::{Fields, RecordId, Value};
use huiliu_core::sync::control::Draft;
use huiliu_replica::ReplicaError;
use huiliu_tests::harness::world::{HUB, World};

/// The hub has an edit of the node's that does not pass the gate, and everybody concerned knows.
fn refused(world: &mut World, author: &str, channel: &str, id: RecordId) {
    let spoiled = spoiled_run(world, author, channel, id);
    world.connect("haishu");
    world.settle();
    world.inject("haishu", HUB, spoiled);
    world.settle();
    assert!(world.level["haishu"]);
}

fn corrected() -> Fields {
    Fields::from([("staff_full".to_owned(), Value::Int(12))])
}

fn write(world: &mut World, name: &str, draft: &Draft, instead: &Fields) -> Result<(), ReplicaError> {
    let now = world.now;
    let replica = world.replica(name);
    replica.retry(draft, instead, "经办", now)?;
    replica.commit().map(drop)
}

#[test]
fn a_refused_edit_is_corrected_and_written_again() {
    let mut world = city();
    let id = world.create("haishu", &READERS);
    refused(&mut world, "haishu", "own/330203/open", id);
    let drafts = world.replica("haishu").drafts().unwrap();
    assert_eq!(drafts.len(), 1);
    assert!(matches!(
        write(&mut world, "haishu", &drafts[0], &Fields::new()),
        Err(ReplicaError::Problems(_))
    ));
    assert_eq!(world.replica("haishu").drafts().unwrap().len(), 1, "what is still wrong stays a draft");
    write(&mut world, "haishu", &drafts[0], &corrected()).unwrap();
    world.settle();
    for name in ["haishu", HUB] {
        assert_eq!(world.field(name, id, "staff_full"), Some(Value::Int(12)), "{name}");
    }
    assert!(world.replica("haishu").drafts().unwrap().is_empty());
    world.start_over("haishu");
    assert!(world.replica("haishu").drafts().unwrap().is_empty(), "the journal says so too");
}

#[test]
fn a_draft_that_is_let_go_is_listed_no_longer() {
    let mut world = city();
    let id = world.create("haishu", &READERS);
    refused(&mut world, "haishu", "own/330203/open", id);
    let draft = world.replica("haishu").drafts().unwrap().remove(0);
    world.replica("haishu").let_go(&draft, "经办", 0);
    world.replica("haishu").commit().unwrap();
    assert!(world.replica("haishu").drafts().unwrap().is_empty());
    world.start_over("haishu");
    assert!(world.replica("haishu").drafts().unwrap().is_empty());
}

#[test]
fn where_the_author_is_gone_the_county_adopts() {
    let mut world = city();
    let id = world.create("yuehu", &[("name", "月湖社"), ("org_type", "BA"), ("town_code", "330203004")]);
    world.connect("yuehu");
    world.settle();
    world.cut("yuehu");
    refused(&mut world, "yuehu", "own/330203004/open", id);
    assert!(world.replica("haishu").drafts().unwrap().is_empty(), "it is not the county's own");
    let theirs = world.replica("haishu").adoptable().unwrap();
    assert_eq!(theirs.len(), 1);
    write(&mut world, "haishu", &theirs[0], &corrected()).unwrap();
    world.settle();
    assert!(world.replica("haishu").adoptable().unwrap().is_empty());
    world.connect("yuehu");
    world.settle();
    for name in ["haishu", "yuehu", HUB] {
        assert_eq!(world.field(name, id, "staff_full"), Some(Value::Int(12)), "{name}");
        // What the county has corrected is not what yuehu's person wrote, who says whether it will do.
        let drafts = world.replica(name).drafts().unwrap();
        assert_eq!(drafts.len(), usize::from(name == "yuehu"), "{name}");
    }
    let draft = world.replica("yuehu").drafts().unwrap().remove(0);
    world.replica("yuehu").let_go(&draft, "经办", 0);
    world.replica("yuehu").commit().unwrap();
    assert!(world.replica("yuehu").drafts().unwrap().is_empty());
    assert!(world.level["haishu"] && world.level["yuehu"]);
}
