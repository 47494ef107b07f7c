//! Founding a hub.

use huiliu_core::model::messages::Say;
use huiliu_core::sync::control::Registry;
use huiliu_core::sync::registry;
use huiliu_link::identity::create_key_file;
use huiliu_replica::commands::Answer;
use huiliu_replica::service::cli::Global;
use huiliu_replica::service::home::{self, Failure, HubSettings, Settings};
use huiliu_replica::service::time::now;
use std::path::Path;

/// What an interrupted founding leaves behind.
const LEFTOVERS: [&str; 8] =
    ["lock", home::KEY, home::REGISTRY, home::KEYRING, home::KEYRING_WITNESS, "journal", "index", "witness"];

/// Begins a hub in an empty directory: device key, settings, the registry's edition and the hub's own grant.
pub(crate) fn init(
    global: &Global,
    division: &str,
    name: Option<String>,
    newer: Option<&Path>,
) -> Result<Answer, Failure> {
    home::check_empty(&global.data, &LEFTOVERS)?;
    let edition = newer.map_or_else(|| Ok(registry::shipped().clone()), read_edition)?;
    let divisions = edition.divisions.clone();
    let bad = || Failure::new(2, Say::BadDivision { text: division.to_owned() });
    let code = division.parse().ok().filter(|code| divisions.contains(*code)).ok_or_else(bad)?;
    let name = name.unwrap_or_else(|| divisions.full_name(code).unwrap_or_else(|| division.to_owned()));
    let directory = home::begin_in(&global.data)?;
    let path = directory.path(home::KEY);
    let key = huiliu_link::identity::load_key_file(&path).or_else(|_| create_key_file(&path));
    let key = key.map_err(|e| home::link_failure(&e))?;
    let hex = key.public().bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let hub = HubSettings { division: code, name: name.clone(), key: hex, addresses: Vec::new() };
    let settings = Settings { v: 1, role: "hub".into(), division: code, name: name.clone(), hub };
    if newer.is_some() {
        let kept = directory.disk().replace(home::REGISTRY, &edition.packed);
        kept.map_err(|e| home::store_failure(&e))?;
    }
    let mut replica = home::open_in(&directory, &settings)?;
    home::take_edition(&mut replica, &edition.packed, &edition.sha256).map_err(Failure::from)?;
    let edition = Registry { edition: edition.name, sha256: edition.sha256 };
    replica.found(&name, edition, &global.context().who, now())?;
    // Last, so that a directory without settings is one in which founding was interrupted and goes on.
    settings.write(&directory)?;
    let json = serde_json::json!({ "v": 1, "division": division, "name": name, "replica": key.device().to_string() });
    Ok(Answer::good(json, Say::HubFounded { name }.text(global.lang())))
}

/// Reads a packed edition of the registry.
fn read_edition(path: &Path) -> Result<registry::Edition, Failure> {
    let unreadable = |why: String| Failure::new(1, Say::CannotRead { file: path.display().to_string(), why });
    let packed = std::fs::read(path).map_err(|e| unreadable(e.to_string()))?;
    registry::parse(&packed).map_err(|e| unreadable(e.to_string()))
}
