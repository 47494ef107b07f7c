//! An index that is wrong without anybody having noticed: beside a peer it shows, is mended, counted and told.

use super::{READERS, city};
use huiliu_core::model::Channel;
use huiliu_core::sync::ledger::Sum;
use huiliu_store::keys::{self, Stay};
use huiliu_store::rows::StayRow;
use huiliu_store::{Index, StoreError, Working};
use huiliu_tests::harness::world::{HUB, IndexFound, World};

/// Changes the index of a machine that stands still.
fn spoil(world: &mut World, name: &'static str, spoil: impl FnOnce(&mut Working) -> Result<(), StoreError>) {
    world.go_down(name);
    let index: Box<dyn Index> = Box::new(world.machines[name].index.clone());
    let mut index = Working::new(index);
    spoil(&mut index).unwrap();
    index.commit().unwrap();
    world.restart(name, IndexFound::Same).unwrap();
}

fn assert_mended(mut world: World, name: &'static str, channel: Channel) {
    world.connect("haishu");
    world.settle();
    assert!(world.level["haishu"]);
    let fingerprint = |world: &mut World, name: &str| world.replica(name).ledger().fingerprint(channel);
    assert_eq!(fingerprint(&mut world, "haishu"), fingerprint(&mut world, HUB));
    for other in [HUB, "haishu"] {
        let mended = world.replica(other).mended().unwrap();
        assert_eq!(mended, usize::from(other == name), "{other}");
    }
    world.cut("haishu");
    world.connect("haishu");
    world.settle();
    assert_eq!(world.replica(name).mended().unwrap(), 1, "once is enough");
}

#[test]
fn a_sum_that_is_wrong_is_mended_and_told_by_the_side_that_had_it() {
    for name in [HUB, "haishu"] {
        let mut world = city();
        let id = world.create("haishu", &READERS);
        world.connect("haishu");
        world.settle();
        world.cut("haishu");
        let channel = "own/330203/open".parse().unwrap();
        spoil(&mut world, name, |index| {
            let sum: Sum = index.get(&keys::sum(channel))?.unwrap_or_default();
            index.put(keys::sum(channel), &sum.plus(Sum::of_record(&id, &[])).plus(sum));
            Ok(())
        });
        assert_mended(world, name, channel);
    }
}

#[test]
fn a_record_that_is_wrong_in_the_index_is_computed_anew_and_told() {
    for name in [HUB, "haishu"] {
        let mut world = city();
        let id = world.create("haishu", &READERS);
        world.set("haishu", id, &[("address", "月湖街道一号")]);
        world.connect("haishu");
        world.settle();
        world.cut("haishu");
        let channel = "own/330203/open".parse().unwrap();
        let stay = Stay { record: id, channel };
        spoil(&mut world, name, |index| {
            let mut row: StayRow = index.get(&keys::stay(&stay))?.unwrap();
            let (sum, before) = (index.get::<Sum>(&keys::sum(channel))?.unwrap(), row.heads.clone());
            row.heads[0].0[0] ^= 1;
            let wrong = sum.minus(Sum::of_record(&id, &before)).plus(Sum::of_record(&id, &row.heads));
            index.put(keys::sum(channel), &wrong);
            index.put(keys::stay(&stay), &row);
            Ok(())
        });
        assert_mended(world, name, channel);
    }
}
