//! What the pages say, and to whom.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use huiliu_web::{
    CoverageView, Lang, Notice, PeerState, PeerView, Provider, Role, StatusView, guard, loopback_hosts,
    router, status_page,
};
use tower::ServiceExt;

const AT: u64 = 1_790_000_000_000;

fn haishu() -> StatusView {
    StatusView {
        title: "海曙区民政局".into(),
        role: Role::Node,
        division_name: "宁波市海曙区".into(),
        division_code: "330203".into(),
        records: vec![("social_org".into(), 12_345)],
        pending: 0,
        conflicts: 0,
        quarantined: 0,
        verified_at: Some(AT),
        transport: Some("QUIC 10.1.2.3:7443".into()),
        notices: Vec::new(),
        version: "0.1.0".into(),
        peers: Vec::new(),
        coverage: None,
        as_of: AT,
    }
}

fn peer(device: &str, state: PeerState, pending: Option<u64>) -> PeerView {
    let last_seen = (state != PeerState::Invited).then_some(AT);
    let (division_name, division_code) = ("海曙区".into(), "330203".into());
    PeerView { device: device.into(), division_name, division_code, state, last_seen, pending }
}

fn hub(peers: Vec<PeerView>) -> StatusView {
    let transport = Some("0.0.0.0:7443".into());
    StatusView { title: "宁波市".into(), role: Role::Hub, transport, peers, ..haishu() }
}

fn zh(view: &StatusView) -> String {
    status_page(view, Lang::Zh).0
}

#[derive(Clone)]
struct Shown(Result<StatusView, String>);

impl Provider for Shown {
    async fn status(&self) -> Result<StatusView, String> {
        self.0.clone()
    }
}

fn pages() -> Router {
    router(Shown(Ok(haishu()))).layer(guard(loopback_hosts(([127, 0, 0, 1], 7480).into())))
}

struct Seen {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

async fn ask(pages: Router, method: Method, path: &str, hosts: &[&str]) -> Seen {
    let mut request = Request::builder().method(method).uri(path);
    for host in hosts {
        request = request.header("host", *host);
    }
    let answer = pages.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("x-frame-options", "DENY"),
    ] {
        assert_eq!(headers[name], value, "{path} {status}");
    }
    assert!(headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'self';"));
    Seen { status, headers, text: String::from_utf8(bytes.to_vec()).unwrap() }
}

async fn get(path: &str) -> Seen {
    ask(pages(), Method::GET, path, &["127.0.0.1:7480"]).await
}

#[test]
fn a_level_node_says_that_it_may_be_shut_down() {
    let page = zh(&haishu());
    for said in ["lang=\"zh-CN\"", "海曙区民政局", "330203", "12,345", "社会组织", "可以关机", "已核对"]
    {
        assert!(page.contains(said), "{said}");
    }
    assert!(page.contains("2026-09-21 22:13:20"), "Beijing time");
    assert!(page.contains("light good"));
}

#[test]
fn the_light_is_green_only_when_nothing_is_pending_and_all_was_verified() {
    for (pending, verified_at, green) in
        [(0, Some(AT), true), (12, Some(AT), false), (0, None, false), (12, None, false)]
    {
        let page = zh(&StatusView { pending, verified_at, ..haishu() });
        assert_eq!(page.contains("light good"), green, "{pending} {verified_at:?}");
        assert_eq!(page.contains("可以关机"), green, "{pending} {verified_at:?}");
    }
    assert!(zh(&StatusView { pending: 12, ..haishu() }).contains("还有 12 条只在本机"));
}

#[test]
fn the_pill_names_what_comes_first() {
    let said = |view: StatusView, word: &str| assert!(zh(&view).contains(word), "{word}");
    said(StatusView { transport: None, ..haishu() }, "未连接");
    said(StatusView { transport: None, pending: 3, ..haishu() }, "3 条待发");
    said(StatusView { pending: 3, conflicts: 2, quarantined: 1, ..haishu() }, "需处理 3 项");
    said(StatusView { conflicts: 2, ..haishu() }, "huiliu-node conflict list");
    let full = Notice::ReadOnly { why: "磁盘已满。".into() };
    said(StatusView { conflicts: 2, notices: vec![full], ..haishu() }, "不能保存");
}

#[test]
fn notices_say_what_happened_and_what_to_do() {
    let notices = vec![
        Notice::DiskLow { free_bytes: 300_000_000 },
        Notice::NewIncarnation { incarnation: "07a1".into(), why: "像是从旧备份恢复的。".into() },
        Notice::Revoked { why: "旧机停用。".into() },
    ];
    let page = zh(&StatusView { notices, ..haishu() });
    for said in ["磁盘只剩 300 MB", "不要删除数据目录", "写入编号 07a1", "像是从旧备份恢复的", "已停用本机"]
    {
        assert!(page.contains(said), "{said}");
    }
}

#[test]
fn a_hub_lists_its_nodes_and_does_not_take_silence_for_level() {
    let level = peer("海曙一号", PeerState::Online, Some(0));
    let silent = peer("余姚一号", PeerState::Invited, None);
    let revoked = peer("旧机", PeerState::Revoked, Some(9));
    let page = zh(&hub(vec![level.clone(), silent, revoked.clone()]));
    for said in
        ["海曙一号", "在线", "已授权，未联系", "还没有", "不明", "已停用", "尚未到齐", "1 / 2 台已到齐"]
    {
        assert!(page.contains(said), "{said}");
    }
    assert!(!page.contains("关机"), "that light is for nodes");
    assert!(zh(&hub(vec![level, revoked])).contains("全部到齐"), "a revoked device is waited for no more");
    assert!(zh(&hub(Vec::new())).contains("还没有节点加入"));
}

#[test]
fn names_stay_text_whatever_they_hold() {
    let hostile = "<script>alert('甬江')</script>\" onload=\"x";
    let notices = vec![Notice::ReadOnly { why: hostile.into() }];
    let mut view = hub(vec![peer(hostile, PeerState::Online, Some(0))]);
    view.title = hostile.into();
    view.division_name = hostile.into();
    view.records = vec![(hostile.into(), 1)];
    view.notices = notices;
    for lang in [Lang::Zh, Lang::En] {
        let page = status_page(&view, lang).0;
        assert!(!page.contains("<script") && !page.contains("\" onload"));
        assert!(page.contains("&lt;script&gt;"));
    }
}

#[tokio::test]
async fn the_home_page_and_its_stylesheet() {
    let home = get("/").await;
    assert_eq!(home.status, StatusCode::OK);
    assert_eq!(home.headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(home.headers["cache-control"], "no-store");
    assert!(home.text.contains("<meta http-equiv=\"refresh\" content=\"10\">"));
    let (_, rest) = home.text.split_once("href=\"/assets/").expect("the page names its stylesheet");
    let style = get(&format!("/assets/{}", rest.split('"').next().unwrap())).await;
    assert_eq!(style.status, StatusCode::OK);
    assert_eq!(style.headers["content-type"], "text/css; charset=utf-8");
    assert!(style.headers["cache-control"].to_str().unwrap().contains("immutable"));
    assert!(style.text.contains(".pill"));
    assert!(get("/?lang=en").await.text.contains("Safe to shut down"));
}

#[test]
fn a_hub_shows_coverage_with_its_base_its_rules_and_its_day() {
    let table = CoverageView {
        note: "统计日期 2026-09-30，规则 2018-14.1".into(),
        head: ["区划", "基数", "组织覆盖"].map(str::to_owned).to_vec(),
        rows: vec![["宁波市海曙区", "64", "6（9.4%）"].map(str::to_owned).to_vec()],
    };
    let page = zh(&StatusView { coverage: Some(table), ..hub(Vec::new()) });
    for part in ["覆盖情况", "2026-09-30", "宁波市海曙区", "<td class=\"number\">6（9.4%）</td>"]
    {
        assert!(page.contains(part), "{part}");
    }
    assert!(!zh(&hub(Vec::new())).contains("覆盖情况"));
}

#[test]
fn the_stylesheet_holds_nothing_that_chromium_78_does_not_know() {
    let style = include_str!("../assets/huiliu.css");
    let (_, rules) = style.split_once("*/").expect("it begins with a comment");
    for word in [
        "clamp(",
        "inset:",
        ":has(",
        ":is(",
        ":where(",
        "aspect-ratio:",
        "color-mix(",
        " gap:",
        "accent-color",
    ] {
        assert!(!rules.contains(word), "{word}");
    }
    assert!(!rules.contains("http") && !rules.contains("@import"), "nothing is fetched from elsewhere");
}

#[tokio::test]
async fn what_is_not_there_is_said_on_a_page() {
    let lost = get("/members/1?lang=xx").await;
    assert_eq!(lost.status, StatusCode::NOT_FOUND);
    assert!(lost.text.contains("没有这一页") && lost.text.contains("lang=\"zh-CN\""));
    assert_eq!(get("/assets/huiliu-0000000000000000.css").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_replica_that_cannot_answer_says_why() {
    let pages = router(Shown(Err("正在重建索引 <3>".into())));
    let seen = ask(pages, Method::GET, "/", &["x"]).await;
    assert_eq!(seen.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(seen.text.contains("正在重建索引 &lt;3&gt;。本页会自动重试"));
    assert!(seen.text.contains("http-equiv=\"refresh\""));
}

#[tokio::test]
async fn only_the_names_it_is_bound_to_are_answered() {
    for host in ["127.0.0.1:7480", "localhost:7480", "LOCALHOST:7480"] {
        assert_eq!(ask(pages(), Method::GET, "/", &[host]).await.status, StatusCode::OK, "{host}");
    }
    let strange: [&[&str]; 6] = [
        &["evil.example:7480"],
        &["127.0.0.1"],
        &["127.0.0.1:80"],
        &[""],
        &[],
        &["127.0.0.1:7480", "evil.example"],
    ];
    for hosts in strange {
        let seen = ask(pages(), Method::GET, "/", hosts).await;
        assert_eq!(seen.status, StatusCode::MISDIRECTED_REQUEST, "{hosts:?}");
        assert!(!seen.text.contains("海曙"));
    }
    let target = "http://evil.example/";
    let seen = ask(pages(), Method::GET, target, &["127.0.0.1:7480"]).await;
    assert_eq!(seen.status, StatusCode::MISDIRECTED_REQUEST, "the address in the request line counts too");
    let v6 = loopback_hosts("[::1]:80".parse().unwrap());
    assert_eq!(v6, ["[::1]:80", "localhost:80", "[::1]", "localhost"]);
}

#[tokio::test]
async fn what_another_site_makes_a_browser_ask_is_not_answered() {
    let all = Router::new().route("/local", axum::routing::post(async || "done"));
    let all = all.merge(router(Shown(Ok(haishu())))).layer(guard(vec!["localhost:7480".into()]));
    let ask = async |method: Method, path: &str, lines: &[(&str, &str)]| {
        let request = Request::builder().method(method).uri(path).header("host", "localhost:7480");
        let request = lines.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        all.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
    };
    let own: [&[(&str, &str)]; 4] = [
        &[],
        &[("origin", "http://localhost:7480"), ("sec-fetch-site", "same-origin")],
        &[("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")],
        &[("origin", "http://LOCALHOST:7480")],
    ];
    for lines in own {
        assert_eq!(ask(Method::POST, "/local", lines).await, StatusCode::OK, "{lines:?}");
        assert_eq!(ask(Method::GET, "/", lines).await, StatusCode::OK, "{lines:?}");
    }
    let foreign: [&[(&str, &str)]; 6] = [
        &[("origin", "http://evil.example")],
        &[("origin", "http://localhost:9999"), ("sec-fetch-site", "same-site")],
        &[("origin", "null")],
        &[("origin", "http://localhost:7480"), ("origin", "http://evil.example")],
        &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")],
        &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")],
    ];
    for lines in foreign {
        assert_eq!(ask(Method::POST, "/local", lines).await, StatusCode::FORBIDDEN, "{lines:?}");
        assert_eq!(ask(Method::GET, "/", lines).await, StatusCode::FORBIDDEN, "{lines:?}");
    }
    // A person who follows a link in a mail or on another page comes to look, and can do nothing else with it.
    let link =
        [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
    assert_eq!(ask(Method::GET, "/", &link).await, StatusCode::OK);
    assert_eq!(ask(Method::POST, "/local", &link).await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn nothing_but_get_is_answered() {
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::TRACE] {
        for path in ["/", "/nowhere"] {
            let seen = ask(pages(), method.clone(), path, &["localhost:7480"]).await;
            assert_eq!(seen.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert_eq!(seen.headers["allow"], "GET, HEAD");
        }
    }
    let head = ask(pages(), Method::HEAD, "/", &["localhost:7480"]).await;
    assert_eq!((head.status, head.text.as_str()), (StatusCode::OK, ""));
}

#[tokio::test]
async fn the_pages_live_beside_the_commands_under_one_guard() {
    let commands = Router::new().route("/local", axum::routing::post(async || "done"));
    let all = commands.merge(router(Shown(Ok(haishu())))).layer(guard(vec!["localhost:7480".into()]));
    let ask = async |method: Method, path: &str, host: &str| {
        let request = Request::builder().method(method).uri(path).header("host", host);
        all.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
    };
    assert_eq!(ask(Method::POST, "/local", "localhost:7480").await, StatusCode::OK);
    assert_eq!(ask(Method::POST, "/local", "evil.example").await, StatusCode::MISDIRECTED_REQUEST);
    assert_eq!(ask(Method::GET, "/", "localhost:7480").await, StatusCode::OK);
    assert_eq!(ask(Method::POST, "/", "localhost:7480").await, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(ask(Method::GET, "/nowhere", "localhost:7480").await, StatusCode::NOT_FOUND);
}
