//! The import table: a crate is one outside world, a module is one layer, imports point only up.

use crate::none;
use crate::source::{CRATES, Named, Source, manifest, named, packages, sources};
use std::collections::BTreeSet;

/// A package that only some crates may name, and why.
struct Outside {
    package: &'static str,
    only: &'static [&'static str],
    because: &'static str,
}

const fn outside(package: &'static str, only: &'static [&'static str], because: &'static str) -> Outside {
    Outside { package, only, because }
}

const PROGRAMS: &str =
    "sockets and runtimes belong to the programs, shared/link, shared/web and replica's service";

/// Which crates may name which packages, in any section of their manifests.
const OUTSIDES: &[Outside] = &[
    outside(
        "automerge",
        &["shared/core", "tests"],
        "documents are read and written in shared/core/src/documents",
    ),
    outside("sled", &["shared/store"], "the index is shared/store's: name its traits"),
    outside("quinn", &["shared/link", "tests"], "QUIC is shared/link's: it hands out frames"),
    outside("rustls", &["shared/link", "tests"], "TLS is shared/link's"),
    outside("rustls-pki-types", &["shared/link"], "TLS is shared/link's"),
    outside("rcgen", &["shared/link"], "certificates are made in shared/link"),
    outside("x509-parser", &["shared/link"], "certificates are read in shared/link"),
    outside("tokio", &["shared/link", "shared/web", "shared/replica", "node", "hub", "tests"], PROGRAMS),
    outside("axum", &["shared/web", "shared/replica", "node", "hub", "tests"], PROGRAMS),
    outside("hyper", &["shared/replica", "tests"], "the local interface is called from shared/replica"),
    outside(
        "rustix",
        &["shared/store", "shared/replica"],
        "Unix is asked in store/files.rs and replica/service/unix.rs",
    ),
    outside("maud", &["shared/web", "node", "hub"], "pages are made in shared/web"),
    outside("calamine", &["shared/replica", "tests"], "tables are read in shared/replica"),
    outside("rust_xlsxwriter", &["shared/replica", "tests"], "tables are written in shared/replica"),
    outside(
        "clap",
        &["shared/replica", "node", "hub"],
        "commands are read in shared/replica and the programs",
    ),
    outside("anyhow", &["node", "hub"], "errors are small enums; only main may forget their types"),
];

/// Which of our crates each may name.
const OURS: [(&str, &[&str]); 8] = [
    ("shared/core", &[]),
    ("shared/store", &["huiliu-core"]),
    ("shared/link", &["huiliu-core"]),
    ("shared/web", &["huiliu-core"]),
    ("shared/replica", &["huiliu-core", "huiliu-store", "huiliu-link", "huiliu-web"]),
    ("node", &["huiliu-core", "huiliu-store", "huiliu-link", "huiliu-replica", "huiliu-web"]),
    ("hub", &["huiliu-core", "huiliu-store", "huiliu-link", "huiliu-replica", "huiliu-web"]),
    ("tests", &["huiliu-core", "huiliu-store", "huiliu-link", "huiliu-replica", "huiliu-web"]),
];

/// All that core is made of: nothing that has a socket, a file, a clock or chance of its own.
const CORE: [&str; 10] = [
    "aes-siv",
    "automerge",
    "chacha20poly1305",
    "curve25519-dalek",
    "data-encoding",
    "postcard",
    "ring",
    "serde",
    "thiserror",
    "zstd",
];

const SECTIONS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

#[test]
fn crates_name_only_what_lies_above_them() {
    let mut wrong = Vec::new();
    for (folder, ours) in OURS {
        let file = format!("{folder}/Cargo.toml");
        let manifest = manifest(&file);
        for package in SECTIONS.iter().flat_map(|section| packages(&manifest, section)) {
            if package.starts_with("huiliu-") && !ours.contains(&package.as_str()) {
                wrong.push(format!(
                    "{file}: {package}: siblings meet only in shared/replica and the programs"
                ));
            }
            for rule in OUTSIDES.iter().filter(|rule| rule.package == package && !rule.only.contains(&folder))
            {
                wrong.push(format!("{file}: {package}: {}", rule.because));
            }
        }
        if folder == "shared/core" {
            for package in
                packages(&manifest, "dependencies").iter().filter(|package| !CORE.contains(&package.as_str()))
            {
                wrong.push(format!(
                    "{file}: {package}: core is pure; if {package} is, add it to CORE in this test"
                ));
            }
        }
    }
    none(wrong);
}

#[test]
fn versions_and_lints_stand_once_in_the_workspace() {
    let mut wrong = Vec::new();
    for folder in CRATES {
        let file = format!("{folder}/Cargo.toml");
        let manifest = manifest(&file);
        for (key, value) in SECTIONS.iter().filter_map(|section| manifest.get(*section)).flatten() {
            if !key.ends_with(".workspace") && !value.contains("workspace = true") {
                wrong.push(format!("{file}: {key} = {value}: versions stand in the workspace's Cargo.toml"));
            }
        }
        if manifest.get("lints").is_none_or(|lints| lints != &[("workspace".to_owned(), "true".to_owned())]) {
            wrong.push(format!("{file}: needs `[lints] workspace = true`"));
        }
    }
    none(wrong);
}

/// What core never names, and where it belongs. `shared/core/clippy.toml` bans the calls; this bans the paths.
const NOT_IN_CORE: [(&str, &str); 8] = [
    ("std::fs", "files are shared/store's and shared/replica's"),
    ("std::net", "sockets are shared/link's"),
    ("std::env", "settings are arguments"),
    ("std::process", "core starts and ends nothing"),
    ("std::thread", "core is synchronous"),
    ("std::time", "the time is an argument, in milliseconds since 1970 UTC"),
    ("std::collections::HashMap", "its order is chance: use BTreeMap"),
    ("std::collections::HashSet", "its order is chance: use BTreeSet"),
];

/// Each layer of core: which packages it may name, and which layers.
const LAYERS: [(&str, &[&str], &[&str]); 3] = [
    ("model", &["serde"], &["model"]),
    ("documents", &["automerge", "serde", "thiserror"], &["model", "documents"]),
    (
        "sync",
        &[
            "aes_siv",
            "chacha20poly1305",
            "curve25519_dalek",
            "data_encoding",
            "postcard",
            "ring",
            "serde",
            "thiserror",
            "zstd",
        ],
        &["model", "documents", "sync"],
    ),
];

#[test]
fn core_is_pure_and_its_layers_point_up() {
    let known = all_packages();
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| source.path.starts_with("shared/core/src/")) {
        for name in named(&source.tokens) {
            let mut tell =
                |why: &str| wrong.push(format!("{}:{}: {}: {why}", source.path, name.line, name.text()));
            for (_, why) in NOT_IN_CORE.iter().filter(|(banned, _)| name.is_within(banned)) {
                tell(why);
            }
            let Some((layer, outsides, layers)) = LAYERS.iter().find(|layer| module(source)[0] == layer.0)
            else {
                continue;
            };
            let root = &name.path[0];
            if known.contains(root) && !outsides.contains(&root.as_str()) {
                tell(&format!("layer {layer} may name only std, {}", outsides.join(", ")));
            }
            if let Some(other) = other_module(source, &name).filter(|other| !layers.contains(&other.as_str()))
            {
                tell(&format!(
                    "layer {layer} may not name {other}: imports point only up ({})",
                    layers.join(", ")
                ));
            }
        }
    }
    none(wrong);
}

/// Where in a crate something of the outside may be named: `crate`, package, modules and why.
const PLACES: [(&str, &str, &[&str], &str); 4] = [
    (
        "shared/replica",
        "tokio",
        &["service", "run", "local"],
        "the engine is synchronous and knows no runtime",
    ),
    ("shared/replica", "axum", &["service", "run", "local"], "the local interface is served there"),
    ("shared/replica", "hyper", &["service", "run", "local"], "the local interface is called there"),
    (
        "shared/replica",
        "huiliu_link",
        &["service", "run", "local", "commands"],
        "the engine knows frames, not links",
    ),
];

#[test]
fn the_outside_is_named_in_its_places_only() {
    let mut wrong = Vec::new();
    for source in &sources() {
        for (_, package, modules, why) in PLACES.iter().filter(|place| source.path.starts_with(place.0)) {
            if modules.contains(&module(source)[0].as_str()) {
                continue;
            }
            for name in named(&source.tokens).iter().filter(|name| name.path[0] == *package) {
                let (path, line, name) = (&source.path, name.line, name.text());
                wrong.push(format!("{path}:{line}: {name}: {why}; it belongs in {}", modules.join(", ")));
            }
        }
    }
    none(wrong);
}

/// Every package of the workspace, as sources write it.
fn all_packages() -> BTreeSet<String> {
    let manifest = manifest("Cargo.toml");
    packages(&manifest, "workspace.dependencies").iter().map(|name| name.replace('-', "_")).collect()
}

/// The module of a source within its crate: `shared/core/src/sync/feed.rs` is sync::feed; the crate's own is empty.
fn module(source: &Source) -> Vec<String> {
    let inside = source.path.split_once("/src/").map_or("", |(_, inside)| inside);
    let inside = inside.trim_end_matches(".rs").trim_end_matches("/mod");
    inside.split('/').map(str::to_owned).collect()
}

/// The top module of the same crate that a path leads to, by `crate::` or by `super::`.
fn other_module(source: &Source, name: &Named) -> Option<String> {
    let mut at = module(source);
    let mut parts = name.path.iter().peekable();
    match parts.peek()?.as_str() {
        "crate" => {
            parts.next();
            at.clear();
        }
        "super" => {
            while parts.next_if(|part| *part == "super").is_some() {
                at.pop();
            }
        }
        _ => return None,
    }
    at.extend(parts.cloned());
    at.into_iter().next()
}

#[test]
fn super_and_crate_lead_to_the_same_place() {
    let source = Source { path: "shared/core/src/model/check/tests.rs".into(), lines: 0, tokens: Vec::new() };
    let lead = |path: &str| {
        let path = path.split("::").map(str::to_owned).collect();
        other_module(&source, &Named { path, line: 1 })
    };
    assert_eq!(lead("super::super::super::sync::feed").as_deref(), Some("sync"));
    assert_eq!(lead("super::super::check").as_deref(), Some("model"));
    assert_eq!(lead("crate::documents::gate").as_deref(), Some("documents"));
    assert_eq!(lead("serde::Serialize"), None);
}
