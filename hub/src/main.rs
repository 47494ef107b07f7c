//! `huiliu-hub`: the hub of a city. It listens, enrols nodes, grants, judges, relays.

mod demo;
mod enrolment;
mod generate;
mod init;
mod listen;

use clap::{Parser, Subcommand};
use huiliu_core::model::messages::Say;
use huiliu_replica::Role;
use huiliu_replica::commands::{Answer, Request};
use huiliu_replica::service::cli::{Common, Global, ask};
use huiliu_replica::service::home::{self, Failure};
use huiliu_replica::service::output::write_file;
use huiliu_replica::service::serve::{Ending, Running, check_page, write_ready};
use huiliu_replica::service::usage;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// Automerge allocates in small pieces: with the system's allocator records are applied a quarter slower.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The hub of Huiliu: one picture of a city's Party-building records, over links that come and go
#[derive(Parser)]
#[command(name = "huiliu-hub", version, disable_version_flag = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// See it work: a hub, counties and a township on this machine
    Demo(demo::DemoArgs),
    /// Write a made-up city as tables to import, with the answers to what must come of them
    Generate(generate::GenerateArgs),
    /// Begin a hub in an empty directory
    Init {
        /// The division, such as 3302
        #[arg(long)]
        division: String,
        /// What people call it (default: the division's name)
        #[arg(long, value_parser = usage::name)]
        name: Option<String>,
        /// An edition of the division registry newer than the program's, packed
        #[arg(long, value_name = "FILE")]
        registry: Option<PathBuf>,
    },
    /// Run the hub
    Serve {
        /// Where nodes connect (UDP)
        #[arg(long, default_value = "0.0.0.0:7443")]
        listen: SocketAddr,
        /// The page and the local interface, on loopback
        #[arg(long, default_value = "127.0.0.1:7480")]
        web: SocketAddr,
        /// Written when both are bound: {"listen","web","pid"}
        #[arg(long, value_name = "FILE")]
        ready_file: Option<PathBuf>,
    },
    /// Make a one-time ticket for a node
    Invite {
        /// The node's division, such as 330203
        #[arg(long)]
        division: String,
        /// Write the bare ticket into this file
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// How long it is valid: 30m, 12h, 7d
        #[arg(long, default_value = "7d", value_parser = usage::seconds)]
        ttl: u64,
        /// An address under which nodes reach the hub (default: those it is bound to)
        #[arg(long, value_name = "HOST:PORT")]
        advertise: Vec<String>,
    },
    /// Nodes: list, show, revoke
    #[command(subcommand)]
    Node(NodeCommand),
    #[command(flatten)]
    Common(Common),
}

#[derive(Subcommand)]
enum NodeCommand {
    /// List nodes
    List,
    /// Show one node
    Show {
        /// Its device id, name or division
        node: String,
    },
    /// End a node's grants: what it has sent counts, it can send no more
    Revoke {
        /// Its device id, name or division
        node: String,
        /// Why, for the people there
        #[arg(long, default_value = "停用", value_parser = usage::reason)]
        reason: String,
    },
}

fn main() -> ExitCode {
    usage::program(run)
}

async fn run(cli: Cli) -> u8 {
    let global = cli.global;
    let outcome = match cli.command {
        Command::Common(common) => return common.run(&global, Role::Hub).await,
        Command::Demo(args) => demo::run(&global, &args).await,
        Command::Generate(args) => generate::generate(&global, &args),
        Command::Init { division, name, registry } => {
            init::init(&global, &division, name, registry.as_deref())
        }
        Command::Serve { listen, web, ready_file } => serve(&global, listen, web, ready_file).await,
        Command::Invite { division, out, ttl, advertise } => {
            return invite(&global, division, out, ttl, advertise).await;
        }
        Command::Node(node) => {
            let request = match node {
                NodeCommand::List => Request::NodeList,
                NodeCommand::Show { node } => Request::NodeShow { node },
                NodeCommand::Revoke { node, reason } => Request::NodeRevoke { node, reason },
            };
            return global.print(&ask(&global, Role::Hub, &request).await);
        }
    };
    match outcome {
        Ok(answer) => global.print(&answer),
        Err(failure) => global.fail(&failure),
    }
}

async fn invite(
    global: &Global,
    division: String,
    out: Option<PathBuf>,
    ttl: u64,
    advertise: Vec<String>,
) -> u8 {
    let addresses = if advertise.is_empty() { listen::last_addresses(&global.data) } else { advertise };
    let answer = ask(global, Role::Hub, &Request::Invite { division, ttl_seconds: ttl, addresses }).await;
    if let (Some(out), Some(ticket)) = (&out, &answer.file)
        && let Err(failure) = write_file(out, ticket)
    {
        return global.fail(&failure);
    }
    global.print(&answer)
}

async fn serve(
    global: &Global,
    listen: SocketAddr,
    web: SocketAddr,
    ready_file: Option<PathBuf>,
) -> Result<Answer, Failure> {
    check_page(web)?;
    let opened = home::open(&global.data, Role::Hub)?;
    let mut running = Running::start(opened);
    let hub = listen::Listening::start(&running, listen).await?;
    running.listening = Some(hub.address);
    let web = running.serve_web(web).await?;
    let ready = ready_file.map(|path| write_ready(&path, Some(hub.address), web.address)).transpose()?;
    let say = Say::ServingHub { listen: hub.address.to_string(), web: web.address.to_string() };
    eprintln!("{}", say.text(global.lang()));
    let told = running.until_told().await;
    // From now on it is not ready any more.
    drop(ready);
    let ending = Ending::begin();
    tokio::join!(hub.stop(ending), web.stop(ending));
    running.stop(ending).await;
    told?;
    Ok(Answer::good(serde_json::json!({ "v": 1 }), Say::Stopped.text(global.lang())))
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
