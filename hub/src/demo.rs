//! `demo`: a hub, counties and a township as real replicas in real directories over real QUIC on loopback.

use huiliu_replica::commands::Answer;
use huiliu_replica::service::cli::Global;
use huiliu_replica::service::home::Failure;

/// The options of `demo`.
#[derive(clap::Args)]
pub(crate) struct DemoArgs {
    /// End when everything has been shown, instead of serving on
    #[arg(long)]
    pub(crate) exit: bool,
    /// How many counties
    #[arg(long, default_value_t = 2)]
    pub(crate) counties: usize,
    /// How many organizations
    #[arg(long, default_value_t = 300)]
    pub(crate) organizations: usize,
    /// The seed of everything that is made up
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
}

pub(crate) async fn run(_global: &Global, _args: &DemoArgs) -> Result<Answer, Failure> {
    Ok(Answer::good(serde_json::json!({}), ""))
}
