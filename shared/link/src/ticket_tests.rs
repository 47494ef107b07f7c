use super::*;

fn ticket() -> Ticket {
    Ticket {
        hub: DeviceId(std::array::from_fn(|i| (i * 37 + 11) as u8)),
        id: [1, 2, 3, 4, 5, 6, 7, 8],
        secret: Secret(std::array::from_fn(|i| (255 - i * 13) as u8)),
        division: 330_203_004,
        expires: 1_795_000_000,
        addresses: vec!["10.1.2.3:7443".into(), "hub.ningbo.example:7443".into(), "[2001:db8::1]:443".into()],
    }
}

#[test]
fn a_ticket_comes_back_as_it_went() {
    let text = ticket().encode().unwrap();
    assert!(text.starts_with("HL1."));
    assert!(text[4..].bytes().all(|b| b"0123456789ABCDEFGHJKMNPQRSTVWXYZ".contains(&b)));
    assert_eq!(Ticket::parse(&text).unwrap(), ticket());
}

#[test]
fn reading_forgives_typing_scanning_and_input_methods() {
    let text = ticket().encode().unwrap();
    let full_width: String = text.chars().map(|c| char::from_u32(c as u32 + 0xfee0).unwrap()).collect();
    let grouped: String = text
        .chars()
        .enumerate()
        .flat_map(|(i, c)| (i % 5 == 0).then_some('-').into_iter().chain([c]))
        .collect();
    let lines: String =
        text.as_bytes().chunks(20).map(|line| format!("  {}\r\n", String::from_utf8_lossy(line))).collect();
    let typed = [
        text.to_lowercase(),
        full_width.clone(),
        full_width.to_lowercase(),
        full_width.replace('．', "。"),
        grouped,
        lines,
        format!("\u{feff}{}　", text.replace('0', "o").replace('1', "l")),
        text.replace('0', "O").replace('1', "I"),
    ];
    for text in typed {
        assert_eq!(Ticket::parse(&text).as_ref(), Ok(&ticket()), "{text}");
    }
}

#[test]
fn every_single_character_mutation_is_refused_or_means_the_same() {
    let text = ticket().encode().unwrap();
    let others = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcilouz.-_ /汇０Ｏ。";
    for at in 0..text.len() {
        for other in others.chars() {
            let mutated = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            if let Ok(read) = Ticket::parse(&mutated) {
                assert_eq!(read, ticket(), "{mutated}");
                assert_eq!(normal(other), normal(text.as_bytes()[at] as char), "{mutated}");
            }
            let longer = format!("{}{other}{}", &text[..at], &text[at..]);
            if let Ok(read) = Ticket::parse(&longer) {
                assert!(read == ticket() && normal(other).is_none(), "{longer}");
            }
        }
        let shorter = format!("{}{}", &text[..at], &text[at + 1..]);
        assert!(Ticket::parse(&shorter).is_err(), "{shorter}");
        assert!(Ticket::parse(&text[..at]).is_err());
    }
}

#[test]
fn swapped_neighbours_are_noticed() {
    let text = ticket().encode().unwrap();
    for at in 4..text.len() - 1 {
        let mut bytes = text.clone().into_bytes();
        bytes.swap(at, at + 1);
        let swapped = String::from_utf8(bytes).unwrap();
        assert_eq!(Ticket::parse(&swapped).is_ok(), swapped == text);
    }
}

#[test]
fn other_texts_are_told_apart() {
    let text = ticket().encode().unwrap();
    let parse = |text: &str| Ticket::parse(text).unwrap_err();
    for text in ["", "hello", "HL1", "https://hub.example/", "XL1.0000", "HLX.0000", &"A".repeat(100_000)] {
        assert_eq!(parse(text), TicketError::NotATicket, "{text:.20}");
    }
    assert_eq!(parse(&text.replacen("HL1", "HL2", 1)), TicketError::UnknownVersion);
    assert_eq!(parse(&text.replacen("HL1", "hl27", 1)), TicketError::UnknownVersion);
    for text in ["HL1.", "HL1.0", "HL1.00000000", "HL1.UUUU"] {
        assert_eq!(parse(text), TicketError::Damaged, "{text}");
    }
}

fn raw(content: &[u8]) -> String {
    format!("HL1.{}", crockford().encode(&[content, &checksum(content)].concat()))
}

#[test]
fn a_sound_ticket_of_another_version_asks_for_an_upgrade() {
    assert_eq!(Ticket::parse(&raw(&[2, 9, 9, 9])), Err(TicketError::UnknownVersion));
    assert_eq!(Ticket::parse(&raw(&[])), Err(TicketError::Damaged));
}

#[test]
fn a_checksum_alone_does_not_make_a_ticket() {
    let sound = crockford().decode(&ticket().encode().unwrap().as_bytes()[4..]).unwrap();
    let content = &sound[..sound.len() - CHECKSUM];
    for cut in 1..content.len() {
        assert_eq!(Ticket::parse(&raw(&content[..cut])), Err(TicketError::Damaged));
    }
    assert_eq!(Ticket::parse(&raw(&[content, &[0]].concat())), Err(TicketError::Damaged));
    let mut no_addresses = content[..74].to_vec();
    no_addresses[73] = 0;
    assert_eq!(Ticket::parse(&raw(&no_addresses)), Err(TicketError::Damaged));
}

#[test]
fn addresses_must_have_host_and_port() {
    for bad in
        ["", "hub", ":7443", "hub:", "hub:0", "hub:70000", "::1:80", "a b:80", "http://hub:80", "汇流:80"]
    {
        let with = Ticket { addresses: vec![bad.into()], ..ticket() };
        assert_eq!(with.encode(), Err(TicketError::Address(bad.into())));
    }
    for good in ["hub:1", "10.0.0.1:65535", "[::1]:80", "[fe80::1%eth0]:80"] {
        assert!(Ticket { addresses: vec![good.into()], ..ticket() }.encode().is_ok());
    }
    assert!(Ticket { addresses: vec![], ..ticket() }.encode().is_err());
    assert!(Ticket { addresses: vec!["a:1".into(); 9], ..ticket() }.encode().is_err());
}

#[test]
fn the_secret_is_never_printed() {
    let printed = format!("{:?}", ticket());
    assert!(printed.contains("***"));
    assert!(!printed.contains("242"));
}
