//! `huiliu-node`: the replica of a county bureau or a township center. It dials, and serves a page and a command line.

mod join;

use clap::{Parser, Subcommand};
use huiliu_core::model::messages::Say;
use huiliu_replica::Role;
use huiliu_replica::commands::{Answer, Request};
use huiliu_replica::service::cli::{Common, Global, ask};
use huiliu_replica::service::client;
use huiliu_replica::service::home::{self, Failure};
use huiliu_replica::service::output::Progress;
use huiliu_replica::service::serve::{Ending, Running, check_page, sync_once, write_ready};
use huiliu_replica::service::usage;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// Automerge allocates in small pieces: with the system's allocator records are applied a quarter slower.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The node of Huiliu: a county's or township's records, kept here and level with the hub whenever there is a link
#[derive(Parser)]
#[command(name = "huiliu-node", version, disable_version_flag = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Join a hub with a ticket
    Join {
        /// The ticket, or a file with it
        ticket: String,
        /// What the hub calls this device (default: its division's name)
        #[arg(long, value_parser = usage::name)]
        name: Option<String>,
    },
    /// Run the node: stay level with the hub, serve the page
    Serve {
        /// The page and the local interface, on loopback
        #[arg(long, default_value = "127.0.0.1:7481")]
        web: SocketAddr,
        /// Open the page in the browser
        #[arg(long)]
        open: bool,
        /// Written when the page is bound: {"listen","web","pid"}
        #[arg(long, value_name = "FILE")]
        ready_file: Option<PathBuf>,
    },
    /// Send and fetch until level with the hub
    Sync {
        /// Only say what would be sent
        #[command(subcommand)]
        plan: Option<SyncCommand>,
    },
    /// The key by which counties compare identity numbers: replace
    #[command(subcommand)]
    MatchKey(MatchKeyCommand),
    #[command(flatten)]
    Common(Common),
}

#[derive(Subcommand)]
enum MatchKeyCommand {
    /// Replace the key: it is lost, or somebody may have it who should not
    Replace,
}

#[derive(Subcommand)]
enum SyncCommand {
    /// What a sync would send
    Plan,
}

fn main() -> ExitCode {
    usage::program(run)
}

async fn run(cli: Cli) -> u8 {
    let global = cli.global;
    let outcome = match cli.command {
        Command::Common(common) => return common.run(&global, Role::Node).await,
        Command::Sync { plan: Some(SyncCommand::Plan) } => {
            return global.print(&ask(&global, Role::Node, &Request::SyncPlan).await);
        }
        Command::MatchKey(MatchKeyCommand::Replace) => {
            return global.print(&ask(&global, Role::Node, &Request::MatchKeyReplace).await);
        }
        Command::Sync { plan: None } => sync(&global).await,
        Command::Join { ticket, name } => join::join(&global, &ticket, name).await,
        Command::Serve { web, open, ready_file } => serve(&global, web, open, ready_file).await,
    };
    match outcome {
        Ok(answer) => global.print(&answer),
        Err(failure) => global.fail(&failure),
    }
}

async fn sync(global: &Global) -> Result<Answer, Failure> {
    let context = global.context();
    let mut bar = Progress::new();
    let mut watch = |done, total| {
        let say = Say::HubWorks { waiting: total - done };
        bar.say(done, total, &say.text(global.lang()));
    };
    match client::ask(&global.data, Role::Node, &Request::Sync, &context, &mut watch).await {
        Some(answer) => answer,
        None => Ok(sync_once(home::open(&global.data, Role::Node)?, &context, &mut watch).await),
    }
}

async fn serve(
    global: &Global,
    web: SocketAddr,
    open: bool,
    ready_file: Option<PathBuf>,
) -> Result<Answer, Failure> {
    check_page(web)?;
    let mut running = Running::start(home::open(&global.data, Role::Node)?);
    running.dial(true)?;
    let web = running.serve_web(web).await?;
    let ready = ready_file.map(|path| write_ready(&path, None, web.address)).transpose()?;
    eprintln!("{}", Say::Serving { web: web.address.to_string() }.text(global.lang()));
    if open {
        open_browser(web.address);
    }
    let told = running.until_told().await;
    // From now on it is not ready any more.
    drop(ready);
    let ending = Ending::begin();
    running.hang_up();
    web.stop(ending).await;
    running.stop(ending).await;
    told?;
    Ok(Answer::good(serde_json::json!({ "v": 1 }), Say::Stopped.text(global.lang())))
}

/// Opens the page where there is a desktop; where there is none the address is on the screen.
fn open_browser(web: SocketAddr) {
    let opened = std::process::Command::new("xdg-open").arg(format!("http://{web}/")).spawn();
    if let Err(error) = opened {
        tracing::info!(%error, "no browser was opened");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn every_command_and_option_has_its_help_in_chinese_too() {
        assert_eq!(usage::untranslated(&Cli::command()), Vec::<String>::new());
        usage::in_chinese(Cli::command()).debug_assert();
    }
}
