//! What any user of the machine, and any page in a browser on it, can do to the local interface of a service: nothing.

use huiliu_tests::bench::usage::Meter;
use huiliu_tests::harness::process::{City, Service, Site, until};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

fn address(service: &Service) -> String {
    service.ready["web"].as_str().unwrap().to_owned()
}

fn token(site: &Site) -> String {
    let door: serde_json::Value =
        serde_json::from_slice(&std::fs::read(site.data.join("local.json")).unwrap()).unwrap();
    format!("Authorization: Bearer {}\r\n", door["token"].as_str().unwrap())
}

/// The head of a command with other lines in it.
fn head(address: &str, lines: &str, length: usize) -> String {
    format!("POST /local/command HTTP/1.1\r\nHost: {address}\r\n{lines}Content-Length: {length}\r\n\r\n")
}

/// Sends the head alone, and gives the first line of the answer.
#[track_caller]
fn answer(address: &str, head: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    said.lines().next().unwrap_or_default().to_owned()
}

const MUCH: usize = 200 << 20;

#[test]
fn who_has_no_token_is_answered_before_anything_is_read() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let service = haishu.serve();
    let (address, token) = (address(&service), token(&haishu));
    assert_eq!(answer(&address, &head(&address, "", MUCH)), "HTTP/1.1 401 Unauthorized");
    let foreign = head("evil.example:80", &token, MUCH);
    assert_eq!(answer(&address, &foreign), "HTTP/1.1 421 Misdirected Request");
    for other in ["Origin: http://evil.example\r\n", "Origin: null\r\n", "Sec-Fetch-Site: cross-site\r\n"] {
        let asked = head(&address, &format!("{token}{other}"), MUCH);
        assert_eq!(answer(&address, &asked), "HTTP/1.1 403 Forbidden", "{other}");
    }
    let huge = head(&address, &token, 1 << 40);
    assert_eq!(answer(&address, &huge), "HTTP/1.1 413 Payload Too Large");
    // Whoever goes on sending fills nothing but the buffers of the system.
    let meter = Meter::of(service.running.pid());
    let before = meter.read().peak_megabytes;
    for _ in 0..8 {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.write_all(head(&address, "", MUCH).as_bytes()).unwrap();
        let piece = vec![b'x'; 1 << 20];
        let taken = (0..200).take_while(|_| stream.write_all(&piece).is_ok()).count();
        assert!(taken < 200, "all of it was taken");
    }
    let after = meter.read().peak_megabytes;
    assert!(after < before + 20.0, "{before} MB before, {after} MB after");
    haishu.status();
    service.stop();
}

#[test]
fn idle_connections_keep_nobody_from_an_answer() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let service = haishu.serve();
    let address = address(&service);
    let begun: Vec<TcpStream> = (0..200)
        .map(|n| {
            let mut stream = TcpStream::connect(&address).unwrap();
            // Some say nothing, some begin a request.
            stream.write_all(if n % 2 == 0 { b"" } else { b"GET / HTTP/1.1\r\nHos" }).unwrap();
            stream
        })
        .collect();
    for _ in 0..5 {
        haishu.status();
    }
    let open = || {
        let files = std::fs::read_dir(format!("/proc/{}/fd", service.running.pid())).unwrap();
        let sockets = files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
        sockets.filter(|link| link.to_string_lossy().starts_with("socket:")).count()
    };
    until("the oldest to be closed", || (open() < 80).then_some(()));
    drop(begun);
    service.stop();
}

#[test]
fn who_feeds_a_byte_now_and_then_is_closed() {
    let city = City::found();
    let haishu = city.join("haishu", "330203");
    let service = haishu.serve();
    let mut stream = TcpStream::connect(address(&service)).unwrap();
    stream.set_nonblocking(true).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nX: ").unwrap();
    until("the service to close it", || {
        let closed = match stream.read(&mut [0; 1000]) {
            Ok(read) => read == 0,
            Err(error) => error.kind() != ErrorKind::WouldBlock,
        };
        (closed || stream.write_all(b"x").is_err()).then_some(())
    });
    haishu.status();
    service.stop();
}
