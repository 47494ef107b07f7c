//! Loopback is not trust: which hosts are answered, how, and what every answer says to the browser.
//!
//! A page on the internet can make a browser ask 127.0.0.1, and a name it controls can point there. The second shows in
//! the Host header, so only the names under which the service was bound are answered; the first in Origin and
//! Sec-Fetch-Site, which no page can change. All of it is judged from the headers alone, before a body is read.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{FromFnLayer, Next, from_fn_with_state};
use axum::response::Response;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

const HEADERS: [(header::HeaderName, &str); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::SERVER, "huiliu"),
];

/// Adds to an answer what every answer carries.
pub(crate) fn covered(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let fresh = HeaderValue::from_static("no-store");
    headers.entry(header::CACHE_CONTROL).or_insert(fresh);
    response
}

/// Covers every answer, and answers nothing but GET and HEAD: no page changes anything.
pub(crate) async fn shield(request: Request, next: Next) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return covered(next.run(request).await);
    }
    let mut response = short(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

type Allowed = Arc<[String]>;
type Answer = Pin<Box<dyn Future<Output = Response> + Send>>;
type Check = fn(State<Allowed>, Request, Next) -> Answer;

/// The layer that [`guard`] makes.
pub type Guard = FromFnLayer<Check, Allowed, (State<Allowed>, Request)>;

/// Answers 421 unless the request names one of the `allowed` hosts, each as `host:port`; see [`loopback_hosts`]. Answers
/// 403 to what the page of another site asks.
///
/// Put it around everything a service answers, pages and commands alike.
pub fn guard(allowed: Vec<String>) -> Guard {
    from_fn_with_state(allowed.into(), check as Check)
}

/// The names of a service bound to `bound`: the address itself, and localhost with its port.
pub fn loopback_hosts(bound: SocketAddr) -> Vec<String> {
    let names = [bound.to_string(), format!("localhost:{}", bound.port())];
    let short = |name: &String| Some(name.strip_suffix(":80")?.to_owned());
    let without_port: Vec<String> = names.iter().filter_map(short).collect();
    names.into_iter().chain(without_port).collect()
}

fn check(State(allowed): State<Allowed>, request: Request, next: Next) -> Answer {
    Box::pin(async move {
        let in_target = request.uri().authority().map(|authority| authority.as_str());
        let known = |host: &str| allowed.iter().any(|name| name.eq_ignore_ascii_case(host));
        if !one_host(request.headers()).is_some_and(known) || !in_target.is_none_or(known) {
            return short(StatusCode::MISDIRECTED_REQUEST, "this service does not answer under that name\n");
        }
        if is_foreign(&request, known) {
            return short(StatusCode::FORBIDDEN, "this service does not answer other sites\n");
        }
        next.run(request).await
    })
}

/// Whether a page of another site makes the browser ask. A link there that a person follows is the person's own asking.
fn is_foreign(request: &Request, known: impl Fn(&str) -> bool) -> bool {
    let every = |name: &str, fits: &dyn Fn(&str) -> bool| {
        request.headers().get_all(name).iter().all(|value| value.to_str().is_ok_and(fits))
    };
    let is = |name: &str, value: &str| request.headers().get(name).is_some_and(|given| given == value);
    let follows_a_link = *request.method() == Method::GET
        && is("sec-fetch-mode", "navigate")
        && is("sec-fetch-dest", "document");
    let own_origin = every("origin", &|origin| origin.strip_prefix("http://").is_some_and(&known));
    let own_site = every("sec-fetch-site", &|site| matches!(site, "same-origin" | "none"));
    !own_origin || !own_site && !follows_a_link
}

/// The Host header, if there is exactly one that is text.
fn one_host(headers: &HeaderMap) -> Option<&str> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    hosts.next().is_none().then_some(host)
}

fn short(status: StatusCode, text: &'static str) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    covered(response)
}
