use super::*;

fn feed(key: &DeviceKey) -> FeedId {
    FeedId {
        channel: "own/330203/open".parse().unwrap(),
        device: key.device(),
        incarnation: Incarnation([7; 8]),
    }
}

fn entries(count: usize) -> Vec<Entry> {
    let stamp = Stamp { who: "海曙经办".into(), at: Hlc(1 << 16) };
    let entry = |n: usize| Entry {
        kind: EntryKind::NOTE,
        envelope: Some(Envelope::of_no_record(stamp.clone())),
        payload: vec![n as u8; 10],
    };
    (0..count).map(entry).collect()
}

#[test]
fn a_signed_run_continues_its_feed() {
    let haishu = DeviceKey::from_seed([1; 32]);
    let (first, head) = sign_run(&haishu, Hash::ZERO, feed(&haishu), &Head::START, entries(3));
    let (second, _) = sign_run(&haishu, Hash::ZERO, feed(&haishu), &head, entries(2));
    let seen = check_run(&haishu.public(), &Head::START, &first).unwrap();
    assert_eq!(seen, head);
    assert_eq!(seen.number, 4);
    assert_eq!(check_run(&haishu.public(), &seen, &second).unwrap().number, 7);
    assert_eq!(check_run(&haishu.public(), &Head::START, &second), Err(BadRun::Gap));
}

#[test]
fn no_byte_of_a_change_can_be_altered() {
    let haishu = DeviceKey::from_seed([1; 32]);
    let fields = [("name".to_owned(), crate::model::Value::of("甬江读书会"))].into();
    let payload = crate::documents::Document::empty().edit([1; 16], &fields, &[]).unwrap();
    let stamp = Stamp { who: "经办".into(), at: Hlc(1) };
    let edit = Entry { kind: EntryKind::EDIT, envelope: Some(Envelope::of_no_record(stamp)), payload };
    let (run, _) = sign_run(&haishu, Hash::ZERO, feed(&haishu), &Head::START, vec![edit]);
    for at in 0..run.entries[0].payload.len() {
        let mut bent = run.clone();
        bent.entries[0].payload[at] ^= 1;
        let checked = check_run(&haishu.public(), &Head::START, &bent);
        assert_eq!(checked, Err(BadRun::Signature), "byte {at}");
    }
}

#[test]
fn whatever_is_changed_the_signature_no_longer_holds() {
    let haishu = DeviceKey::from_seed([1; 32]);
    let (run, _) = sign_run(&haishu, Hash::ZERO, feed(&haishu), &Head::START, entries(3));
    let bend: [fn(&mut Run); 6] = [
        |run| run.entries[1].payload[0] ^= 1,
        |run| run.entries[0].envelope.as_mut().unwrap().stamp.who.push('x'),
        |run| run.entries[0].envelope.as_mut().unwrap().settles.push(Hash::ZERO),
        |run| run.entries.swap(0, 2),
        |run| drop(run.entries.remove(1)),
        |run| run.feed.channel = "own/330205/open".parse().unwrap(),
    ];
    for bend in bend {
        let mut bent = run.clone();
        bend(&mut bent);
        assert_eq!(check_run(&haishu.public(), &Head::START, &bent), Err(BadRun::Signature));
    }
    let yuyao = DeviceKey::from_seed([2; 32]);
    assert_eq!(check_run(&yuyao.public(), &Head::START, &run), Err(BadRun::Signature));
}

#[test]
fn long_lists_are_cut_into_runs() {
    let cut = into_stretches(entries(600));
    assert_eq!(cut.iter().map(Vec::len).collect::<Vec<_>>(), [256, 256, 88]);
    let mut big = entries(3);
    big.iter_mut().for_each(|entry| entry.payload = vec![0; MAX_RUN_BYTES * 2]);
    assert_eq!(into_stretches(big).len(), 3);
}
