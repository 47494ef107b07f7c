//! `demo`: a hub, counties and a township as real replicas in real directories over real QUIC on loopback.
//!
//! They join, import, sync, are cut off, edit the same things apart, come back, and must agree in everything they
//! share. Exit 0 only if they do.

use crate::listen::Listening;
use huiliu_core::model::ids::Level;
use huiliu_core::model::messages::Say;
use huiliu_core::model::{DivisionCode, dictionary};
use huiliu_link::Ticket;
use huiliu_replica::commands::words::aligned;
use huiliu_replica::commands::{Answer, Context, Listing, Request, run as run_command};
use huiliu_replica::generator::organizations;
use huiliu_replica::service::cli::Global;
use huiliu_replica::service::home::{self, Failure};
use huiliu_replica::service::join::join;
use huiliu_replica::service::serve::{Ending, Running, Web, told_to_stop};
use huiliu_replica::tables::{self, Format};
use huiliu_replica::{Role, service::home::divisions};
use serde_json::{Value as Json, json};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// The options of `demo`.
#[derive(clap::Args)]
pub(crate) struct DemoArgs {
    /// End when everything has been shown, instead of serving on
    #[arg(long)]
    exit: bool,
    /// How many counties
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=10))]
    counties: u8,
    /// How many organizations
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    organizations: u32,
    /// The seed of everything that is made up
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// One replica of the demonstration.
struct Member {
    name: String,
    running: Running,
    web: Option<Web>,
}

struct Demo<'a> {
    global: &'a Global,
    hub: Member,
    nodes: Vec<Member>,
    listening: Listening,
}

/// How often it is tried to remove the demonstration's directory, and how long is waited in between.
const REMOVALS: u32 = 50;
/// When it was found gone so often in a row, nobody is left who would make it again.
const SEEN_GONE: u32 = 5;
const BETWEEN_REMOVALS: Duration = Duration::from_millis(100);

/// Any free port on loopback.
const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// Runs the demonstration.
pub(crate) async fn run(global: &Global, args: &DemoArgs) -> Result<Answer, Failure> {
    // Before there is anything to be left behind.
    let mut told = std::pin::pin!(told_to_stop());
    let dir = tempfile::Builder::new()
        .prefix("huiliu-demo-")
        .tempdir()
        .map_err(|e| Failure::new(1, Say::CannotWrite { file: "huiliu-demo".into(), why: e.to_string() }))?;
    say(global, &Say::DemoBegins { dir: dir.path().display().to_string() });
    let shown = tokio::select! {
        shown = show(global, args, dir.path()) => shown,
        () = &mut told => Err(Failure::new(1, Say::DemoInterrupted)),
    };
    let answer = match shown {
        Ok((mut demo, answer)) => {
            let serves = !args.exit && answer.exit == 0;
            let served = if serves { demo.serve_on(dir.path(), told).await } else { Ok(()) };
            demo.end().await;
            served.map(|()| answer)
        }
        Err(failure) => Err(failure),
    };
    remove(dir).await;
    answer
}

/// Removes the directory. Replicas that were interrupted write their last into it, so it is tried more than once.
async fn remove(dir: tempfile::TempDir) {
    let path = dir.keep();
    let mut gone = 0;
    for _ in 0..REMOVALS {
        match std::fs::remove_dir_all(&path) {
            // A replica that is at its last makes it again.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => gone += 1,
            _ => gone = 0,
        }
        if gone == SEEN_GONE {
            return;
        }
        tokio::time::sleep(BETWEEN_REMOVALS).await;
    }
}

/// Shows everything; the answer says whether all agreed in the end.
async fn show<'a>(global: &'a Global, args: &DemoArgs, dir: &Path) -> Result<(Demo<'a>, Answer), Failure> {
    let mut demo = Demo::begin(global, dir).await?;
    demo.join_all(dir, args.counties.into()).await?;
    demo.import_all(args).await?;
    demo.sync_all().await?;
    demo.show(&Say::DemoLevel).await?;
    demo.work_apart().await?;
    demo.reconnect().await?;
    demo.settle().await?;
    let answer = match demo.compare().await? {
        None => Answer::good(json!({ "v": 1, "equal": true }), Say::DemoEqual.text(global.lang())),
        Some(name) => {
            let text = Say::DemoUnequal { name }.text(global.lang());
            Answer { exit: 1, json: json!({ "v": 1, "equal": false }), text, file: None }
        }
    };
    Ok((demo, answer))
}

#[expect(clippy::print_stderr, reason = "the demonstration talks while it works")]
fn say(global: &Global, say: &Say) {
    eprintln!("{}", say.text(global.lang()));
}

#[expect(clippy::print_stderr, reason = "the demonstration talks while it works")]
fn print(text: &str) {
    eprintln!("{text}\n");
}

impl Member {
    async fn ask(&self, request: Request, context: Context) -> Result<Json, Failure> {
        let asked =
            self.running.engine.call(move |replica, _| run_command(replica, &request, &context)).await;
        let answer = asked.map_err(|_| Failure::new(1, Say::ServiceDied))?;
        if matches!(answer.exit, 0) {
            Ok(answer.json)
        } else {
            Err(Failure::new(answer.exit, Say::Told { text: answer.text }))
        }
    }

    async fn stop(self, ending: Ending) {
        if let Some(web) = self.web {
            web.stop(ending).await;
        }
        self.running.stop(ending).await;
    }

    async fn sync(&self) -> Result<(), Failure> {
        match &self.running.dialing {
            Some(dialing) => dialing.sync().await,
            None => Ok(()),
        }
    }
}

impl<'a> Demo<'a> {
    async fn begin(global: &'a Global, dir: &Path) -> Result<Self, Failure> {
        let at_hub = Global { data: dir.join("hub"), ..global.clone() };
        crate::init::init(&at_hub, "3302", None, None)?;
        let opened = home::open(&at_hub.data, Role::Hub)?;
        let name = opened.settings.name.clone();
        let running = Running::start(opened);
        let listening = Listening::start(&running, ANY).await?;
        Ok(Self { global, hub: Member { name, running, web: None }, nodes: Vec::new(), listening })
    }

    fn context(&self, who: &str) -> Context {
        Context { who: who.to_owned(), ..self.global.context() }
    }

    /// The counties and one township of the first of them join with tickets.
    async fn join_all(&mut self, dir: &Path, counties: usize) -> Result<(), Failure> {
        let hub = self.hub.running.settings.division;
        let mut members: Vec<DivisionCode> = divisions().children(hub).into_iter().take(counties).collect();
        members.extend(members.first().and_then(|county| divisions().children(*county).first().copied()));
        for division in members {
            let addresses = vec![self.listening.address.to_string()];
            let invite = Request::Invite { division: division.to_string(), ttl_seconds: 3600, addresses };
            let ticket = self.hub.ask(invite, self.context("市级管理员")).await?;
            let ticket = Ticket::parse(ticket["ticket"].as_str().unwrap_or_default());
            let ticket = ticket.map_err(|_| Failure::new(1, Say::TicketDamaged))?;
            let opened = join(&dir.join(division.to_string()), &ticket, None).await?;
            let name = opened.settings.name.clone();
            let mut running = Running::start(opened);
            running.dial(true)?;
            let member = Member { name, running, web: None };
            member.sync().await?;
            say(self.global, &Say::DemoJoined { name: member.name.clone() });
            self.nodes.push(member);
        }
        Ok(())
    }

    /// Every county imports its organizations from a table, as a clerk would.
    async fn import_all(&self, args: &DemoArgs) -> Result<(), Failure> {
        let kind = dictionary::kind("social_org").expect("the dictionary has organizations");
        let counties: Vec<&Member> = self
            .nodes
            .iter()
            .filter(|node| node.running.settings.division.level() == Level::County)
            .collect();
        for county in &counties {
            let division = county.running.settings.division;
            let rows = organizations(
                division,
                (args.organizations as usize).div_ceil(counties.len()),
                args.seed,
                &divisions(),
            );
            let fields: Vec<_> = kind.typed_fields().collect();
            let table = tables::export(Format::Csv, kind, &fields, rows.iter(), &divisions());
            let bytes = table.map_err(|e| Failure::new(1, Say::Told { text: e.to_string() }))?;
            let file = format!("{division}.csv");
            let import =
                Request::Import { file, bytes, kind: kind.name.into(), dry_run: false, division: None };
            county.ask(import, self.context("经办")).await?;
            say(self.global, &Say::DemoImported { name: county.name.clone(), rows: rows.len() });
        }
        Ok(())
    }

    async fn sync_all(&self) -> Result<(), Failure> {
        // Twice: what the first one brings to the hub concerns the others.
        for node in self.nodes.iter().chain(&self.nodes) {
            node.sync().await?;
        }
        Ok(())
    }

    /// The first county and the township are cut off; both sides change the same organization.
    async fn work_apart(&mut self) -> Result<(), Failure> {
        let town = self.nodes.len() - 1;
        let names = format!("{}、{}", self.nodes[0].name, self.nodes[town].name);
        for at in [0, town] {
            self.nodes[at].running.dialing = None;
        }
        say(self.global, &Say::DemoCut { names });
        let county = self.nodes[0].running.settings.division;
        let list = Request::RecordList(Listing {
            kind: "social_org".into(),
            division: Some(county.to_string()),
            limit: Some(2),
            ..Listing::default()
        });
        let records = self.nodes[0].ask(list, self.context("")).await?;
        let id = |n: usize| records["records"][n]["id"].as_str().unwrap_or_default().to_owned();
        let set = |id: String, field: &str| Request::RecordSet { id, fields: vec![field.to_owned()] };
        self.nodes[0].ask(set(id(0), "legal_rep_name=甲某"), self.context("海曙经办")).await?;
        self.hub.ask(set(id(0), "legal_rep_name=乙某"), self.context("市级经办")).await?;
        self.hub.ask(set(id(0), "address=市级登记的住所"), self.context("市级经办")).await?;
        self.nodes[0].ask(set(id(1), "staff_full=12"), self.context("海曙经办")).await?;
        let new = format!("name={}新设协会", self.nodes[town].name);
        let fields = vec![new, "org_type=BA".to_owned()];
        let new = Request::RecordNew { kind: "social_org".into(), division: None, fields };
        self.nodes[town].ask(new, self.context("街道经办")).await?;
        self.show(&Say::DemoApart).await
    }

    async fn reconnect(&mut self) -> Result<(), Failure> {
        for node in self.nodes.iter_mut().filter(|node| node.running.dialing.is_none()) {
            node.running.dial(true)?;
        }
        self.sync_all().await?;
        self.show(&Say::DemoBack).await
    }

    /// Somebody looks at the conflicts and chooses.
    async fn settle(&self) -> Result<(), Failure> {
        let list = self.nodes[0].ask(Request::ConflictList, self.context("")).await?;
        for conflict in list["conflicts"].as_array().into_iter().flatten() {
            let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
            let (record, field) = (text(&conflict["record"]), text(&conflict["field"]));
            let all = |key: &str| {
                let values = conflict["values"].as_array().into_iter().flatten();
                values.map(|value| text(&value[key])).collect::<Vec<_>>().join("、")
            };
            say(
                self.global,
                &Say::DemoConflict {
                    record: record.clone(),
                    field: field.clone(),
                    values: all("value"),
                    who: all("by"),
                },
            );
            let resolve = Request::ConflictResolve { id: record, field, take: Some(1), value: None };
            self.nodes[0].ask(resolve, self.context("海曙审核")).await?;
        }
        self.sync_all().await?;
        self.show(&Say::DemoSettled).await
    }

    /// The table of all replicas.
    async fn show(&self, title: &Say) -> Result<(), Failure> {
        let lang = self.global.lang();
        let heads =
            [Say::WordUnit, Say::WordOrganizations, Say::WordPending, Say::WordConflicts, Say::WordState];
        let mut lines = vec![heads.iter().map(|head| head.text(lang)).collect::<Vec<_>>()];
        let hub = self.hub.ask(Request::Status, self.context("")).await?;
        for member in std::iter::once(&self.hub).chain(&self.nodes) {
            let status = member.ask(Request::Status, self.context("")).await?;
            let level = is_equal(&status, &hub) && status["pending"] == 0;
            let state = if level { Say::StateLevel } else { Say::StateBehind };
            lines.push(vec![
                member.name.clone(),
                status["records"]["social_org"].to_string(),
                status["pending"].to_string(),
                status["conflicts"].to_string(),
                state.text(lang),
            ]);
        }
        say(self.global, title);
        print(&aligned(&lines));
        Ok(())
    }

    /// The name of a node that does not agree with the hub in what they share.
    async fn compare(&self) -> Result<Option<String>, Failure> {
        let hub = self.hub.ask(Request::Status, self.context("")).await?;
        for node in &self.nodes {
            let status = node.ask(Request::Status, self.context("")).await?;
            if !is_equal(&status, &hub) || status["pending"] != 0 {
                return Ok(Some(node.name.clone()));
            }
        }
        Ok(None)
    }

    /// Goes on serving, each replica with its own page.
    async fn serve_on(&mut self, dir: &Path, told: impl Future<Output = ()>) -> Result<(), Failure> {
        say(self.global, &Say::DemoEqual);
        say(self.global, &Say::DemoServing);
        let mut lines = Vec::new();
        for member in std::iter::once(&mut self.hub).chain(&mut self.nodes) {
            let web = member.running.serve_web(ANY).await?;
            let data = member.running.root().strip_prefix(dir).unwrap_or(Path::new("")).display().to_string();
            lines.push(vec![
                member.name.clone(),
                format!("http://{}/", web.address),
                format!("--data {}/{data}", dir.display()),
            ]);
            member.web = Some(web);
        }
        print(&aligned(&lines));
        told.await;
        Ok(())
    }

    async fn end(self) {
        let ending = Ending::begin();
        self.nodes.iter().for_each(|member| member.running.hang_up());
        for member in self.nodes {
            member.stop(ending).await;
        }
        self.listening.stop(ending).await;
        self.hub.stop(ending).await;
    }
}

/// Whether every channel a node holds has the same fingerprint at the hub.
fn is_equal(node: &Json, hub: &Json) -> bool {
    let channels = node["fingerprint"].as_object();
    channels
        .is_some_and(|channels| channels.iter().all(|(channel, print)| hub["fingerprint"][channel] == *print))
}
