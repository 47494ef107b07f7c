//! A service's page, as a browser on its machine gets it.

use super::process::Service;
use std::io::{Read, Write};
use std::net::TcpStream;

/// The first page of a service.
///
/// # Panics
/// If it is not served.
pub fn page(service: &Service) -> String {
    let address = service.ready["web"].as_str().expect("a service says where its page is");
    let mut stream = TcpStream::connect(address).expect("the page is served");
    let asked = format!("GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(asked.as_bytes()).expect("a request is sent");
    let mut page = Vec::new();
    stream.read_to_end(&mut page).expect("a page comes");
    String::from_utf8_lossy(&page).into_owned()
}
