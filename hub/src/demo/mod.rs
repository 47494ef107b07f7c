//! `demo`: a city on one machine. A hub, its counties and a township are real replicas in real directories over real QUIC
//! on loopback.
//!
//! They join, import a made-up city of the real size, sync, are cut off, edit the same things apart, come back, and must
//! agree in everything they share, figure by figure, and with what is known of the made-up city. Exit 0 only if they do.

mod agree;
mod apart;

use crate::listen::Listening;
use huiliu_core::model::ids::Level;
use huiliu_core::model::messages::Say;
use huiliu_core::model::{Date, DivisionCode};
use huiliu_link::Ticket;
use huiliu_replica::commands::request::run_watched;
use huiliu_replica::commands::words::aligned;
use huiliu_replica::commands::{Answer, Context, Request, run as run_command};
use huiliu_replica::generator::{self, Answers, Order, Sheet};
use huiliu_replica::service::cli::Global;
use huiliu_replica::service::home::{self, Failure};
use huiliu_replica::service::join::join;
use huiliu_replica::service::output::Progress;
use huiliu_replica::service::serve::{Ending, Running, Web, told_to_stop};
use huiliu_replica::tables::Format;
use huiliu_replica::{Role, service::home::divisions};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
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
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u8).range(1..=10))]
    counties: u8,
    /// How many organizations the whole city has
    #[arg(long, default_value_t = 10_224, value_parser = clap::value_parser!(u32).range(100..=100_000))]
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
    /// What is known of the made-up city.
    answers: Answers,
}

/// The city that is made up.
const CITY: &str = "3302";
/// The day on which it is looked at.
const AS_OF: (u16, u8, u8) = (2026, 9, 30);

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
    let changed = demo.work_apart().await?;
    demo.reconnect().await?;
    demo.settle().await?;
    let differences = demo.differences(changed).await?;
    let equal = differences.is_empty();
    let text = match equal {
        true => Say::DemoEqual.text(global.lang()),
        false => Say::DemoUnequal { differences: differences.join("；") }.text(global.lang()),
    };
    let json = json!({ "v": 1, "equal": equal, "differences": differences });
    Ok((demo, Answer { exit: u8::from(!equal), json, text, file: None }))
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

    fn division(&self) -> DivisionCode {
        self.running.settings.division
    }

    /// Imports a table; refused rows are part of it.
    async fn import(&self, sheet: &Sheet, context: Context) -> Result<Json, Failure> {
        let bytes = sheet.bytes(Format::Csv);
        let bytes = bytes.map_err(|e| Failure::new(1, Say::Told { text: e.to_string() }))?;
        let (file, kind) = (format!("{}.csv", sheet.path()), sheet.kind.name.to_owned());
        let import = Request::Import { file, bytes, kind, dry_run: false, division: None };
        let asked = self.running.engine.call(move |replica, _| {
            let mut progress = Progress::new();
            run_watched(replica, &import, &context, &mut |done, total| progress.show(done, total))
        });
        let answer = asked.await.map_err(|_| Failure::new(1, Say::ServiceDied))?;
        match answer.exit {
            0 | 3 => Ok(answer.json),
            exit => Err(Failure::new(exit, Say::Told { text: answer.text })),
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
        crate::init::init(&at_hub, CITY, None, None)?;
        let opened = home::open(&at_hub.data, Role::Hub)?;
        let name = opened.settings.name.clone();
        let mut running = Running::start(opened);
        let listening = Listening::start(&running, ANY).await?;
        running.listening = Some(listening.address);
        let hub = Member { name, running, web: None };
        Ok(Self { global, hub, nodes: Vec::new(), listening, answers: Answers::default() })
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

    /// The hub and every county import their tables of a made-up city, as clerks would.
    async fn import_all(&mut self, args: &DemoArgs) -> Result<(), Failure> {
        let (year, month, day) = AS_OF;
        let as_of = Date::new(year, month, day).expect("a day of the calendar");
        let (seed, organizations) = (args.seed, args.organizations as usize);
        let division = self.hub.running.settings.division;
        let order = Order { seed, division, organizations, as_of };
        say(self.global, &Say::DemoMakes { organizations });
        let made = tokio::task::spawn_blocking(move || generator::city(&order, &divisions())).await;
        let made = made.map_err(|e| Failure::new(1, Say::Told { text: e.to_string() }))?;
        let counties = self.nodes.iter().filter(|node| node.division().level() == Level::County);
        let members: Vec<&Member> = std::iter::once(&self.hub).chain(counties).collect();
        let folders: BTreeSet<String> = members.iter().map(|member| member.division().to_string()).collect();
        let sheets: Vec<&Sheet> = made.sheets.iter().filter(|it| folders.contains(&it.folder)).collect();
        for member in members {
            let own = sheets.iter().filter(|sheet| sheet.folder == member.division().to_string());
            let (mut rows, mut refused) = (0, 0);
            for sheet in own {
                let answer = member.import(sheet, self.context("经办")).await?;
                rows += sheet.rows();
                refused += answer["refused"].as_array().map_or(0, Vec::len);
            }
            say(self.global, &Say::DemoImported { name: member.name.clone(), rows, refused });
        }
        self.answers = made.answers.only(&folders);
        Ok(())
    }

    async fn sync_all(&self) -> Result<(), Failure> {
        say(self.global, &Say::DemoSyncs);
        // Twice: what the first one brings to the hub concerns the others.
        let (mut progress, visits) = (Progress::new(), 2 * self.nodes.len());
        for (visited, node) in self.nodes.iter().chain(&self.nodes).enumerate() {
            progress.show(visited, visits);
            node.sync().await?;
        }
        progress.show(visits, visits);
        Ok(())
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
        let heads = [
            Say::WordUnit,
            Say::WordRecords,
            Say::WordOrganizations,
            Say::WordPeople,
            Say::WordPending,
            Say::WordConflicts,
            Say::WordState,
        ];
        let mut lines = vec![heads.iter().map(|head| head.text(lang)).collect::<Vec<_>>()];
        let hub = self.hub.ask(Request::Status, self.context("")).await?;
        for member in std::iter::once(&self.hub).chain(&self.nodes) {
            let status = member.ask(Request::Status, self.context("")).await?;
            let level = is_equal(&status, &hub) && status["pending"] == 0;
            let state = if level { Say::StateLevel } else { Say::StateBehind };
            lines.push(vec![
                member.name.clone(),
                sum_of(&status["records"]).to_string(),
                status["records"]["social_org"].to_string(),
                status["records"]["person"].to_string(),
                status["pending"].to_string(),
                status["conflicts"].to_string(),
                state.text(lang),
            ]);
        }
        say(self.global, title);
        print(&aligned(&lines));
        Ok(())
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

/// A text in an answer; empty if there is none.
fn text(value: &Json) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// How many records there are of all kinds.
fn sum_of(records: &Json) -> u64 {
    records.as_object().into_iter().flatten().filter_map(|(_, count)| count.as_u64()).sum()
}

/// Whether every channel a node holds has the same fingerprint at the hub.
fn is_equal(node: &Json, hub: &Json) -> bool {
    let channels = node["fingerprint"].as_object();
    channels
        .is_some_and(|channels| channels.iter().all(|(channel, print)| hub["fingerprint"][channel] == *print))
}
