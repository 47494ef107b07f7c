//! Reading the command line in the language of whoever types it: what is said when it makes no sense, and `--help`.
//! The words of options stand in English beside them; `messages::help` has the Chinese.

use crate::commands::words::{MOST_NAME, MOST_REASON, line};
use crate::service::{log, reader, unix};
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command, Error, Parser};
use huiliu_core::model::Date;
use huiliu_core::model::messages::{HELP_HEADINGS, Lang, Say, Usage, help};
use std::io::Write;
use std::process::ExitCode;

/// The longest that a ticket may be valid: ten years.
const LONGEST: u64 = 3650 * 86_400;

/// Runs a program: its log to stderr (`HUILIU_LOG` says how much), its arguments, its exit code.
pub fn program<C: Parser, F: Future<Output = u8>>(run: impl FnOnce(C) -> F) -> ExitCode {
    unix::keep_files_private();
    if let Some(code) = as_child() {
        return code;
    }
    log::begin();
    let cli = parse();
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let code = runtime.block_on(run(cli));
            // A table that is still being read would hold up a program that was told to end.
            runtime.shutdown_background();
            ExitCode::from(code)
        }
        Err(error) => {
            tracing::error!(%error, "the runtime does not start");
            ExitCode::FAILURE
        }
    }
}

/// What this process does if another of this program has started it: look at an index before it is opened, or read a
/// table that somebody made.
fn as_child() -> Option<ExitCode> {
    let mut words = std::env::args_os().skip(1);
    match (words.next()?.to_str()?, words.next()?) {
        ("probe-index", folder) => Some(ExitCode::from(huiliu_store::cache::probe(folder.as_ref()))),
        (reader::COMMAND, kind) => Some(reader::child(kind.to_str()?)),
        _ => None,
    }
}

/// The command line. One that makes no sense ends the program with 2 and says why on stderr; under `--json` there is
/// an object on stdout as for every other failure.
fn parse<C: Parser>() -> C {
    let lang = spoken();
    let command = if lang == Lang::Zh { in_chinese(C::command()) } else { C::command() };
    let parsed = command.try_get_matches().and_then(|mut matches| C::from_arg_matches_mut(&mut matches));
    parsed.unwrap_or_else(|error| {
        if error.use_stderr() {
            let why = sentence(&error, lang);
            if std::env::args_os().any(|argument| argument == "--json") {
                // A reader that has gone away is no other failure.
                let _ = writeln!(std::io::stdout(), "{}", serde_json::json!({ "v": 1, "error": why }));
            }
            if lang == Lang::Zh {
                // Where stderr is gone there is nobody to tell.
                let _ = writeln!(std::io::stderr(), "{why}\n");
            }
        }
        error.exit()
    })
}

/// The language that the command line asks for, known before all of it is understood.
pub fn spoken() -> Lang {
    let all: Vec<String> =
        std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let beside = all.windows(2).any(|pair| pair[0] == "--lang" && pair[1] == "en");
    if beside || all.iter().any(|argument| argument == "--lang=en") { Lang::En } else { Lang::Zh }
}

/// A name on the command line.
pub fn name(text: &str) -> Result<String, String> {
    line(text, MOST_NAME).map_err(|why| why.text(spoken()))
}

/// A reason on the command line.
pub fn reason(text: &str) -> Result<String, String> {
    line(text, MOST_REASON).map_err(|why| why.text(spoken()))
}

/// A duration: seconds, or with s, m, h, d.
pub fn seconds(text: &str) -> Result<u64, String> {
    let (number, unit) = match text.char_indices().last() {
        Some((at, 's')) => (&text[..at], 1),
        Some((at, 'm')) => (&text[..at], 60),
        Some((at, 'h')) => (&text[..at], 3600),
        Some((at, 'd')) => (&text[..at], 86_400),
        _ => (text, 1),
    };
    let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    let seconds = seconds.filter(|seconds| (1..=LONGEST).contains(seconds));
    seconds.ok_or_else(|| Say::BadDuration.text(spoken()))
}

/// A day that a made-up city can be looked at.
pub fn day(text: &str) -> Result<Date, String> {
    let day = text.parse::<Date>().ok().filter(|day| (2018..2100).contains(&day.year()));
    day.ok_or_else(|| Say::BadDay.text(spoken()))
}

/// What is wrong with a command line, in one sentence.
fn sentence(error: &Error, lang: Lang) -> String {
    if lang == Lang::En {
        let text = error.to_string();
        return text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ").trim().to_owned();
    }
    let part = |kind: ContextKind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join("、"),
        _ => String::new(),
    };
    let (arg, value) = (part(ContextKind::InvalidArg), part(ContextKind::InvalidValue));
    let why = std::error::Error::source(error).map(ToString::to_string).filter(|why| !why.is_ascii());
    let usage = match error.kind() {
        ErrorKind::InvalidSubcommand => Usage::NoCommand { name: part(ContextKind::InvalidSubcommand) },
        ErrorKind::UnknownArgument => Usage::NoOption { name: arg },
        ErrorKind::MissingRequiredArgument => Usage::Missing { names: arg },
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            Usage::NoCommandGiven
        }
        ErrorKind::ArgumentConflict => Usage::NotTogether { one: arg, other: part(ContextKind::PriorArg) },
        ErrorKind::InvalidValue if value.is_empty() => Usage::NoValue { name: arg },
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => match why {
            Some(why) => Usage::BadValueFor { name: arg, value, why },
            None => Usage::BadValue { name: arg, value },
        },
        _ => Usage::Senseless,
    };
    usage.text(lang)
}

/// A command with its help in Chinese. What has no translation stays as it is; a test of each program finds it.
pub fn in_chinese(command: Command) -> Command {
    let words = |text: &StyledStr| help(&text.to_string()).map(StyledStr::from);
    let [commands, arguments, options] = HELP_HEADINGS;
    let about = command.get_about().and_then(words);
    let help_option = Arg::new("help")
        .short('h')
        .long("help")
        .action(ArgAction::Help)
        .help(Usage::Help.text(Lang::Zh))
        .help_heading(options);
    let mut command = command
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .subcommand_help_heading(commands)
        .help_template(Usage::Template.text(Lang::Zh))
        .mut_args(|arg| {
            let heading = if arg.is_positional() { arguments } else { options };
            let text = arg.get_help().and_then(words);
            let arg = arg.help_heading(heading);
            text.map_or(arg.clone(), |text| arg.help(text))
        })
        .mut_subcommands(in_chinese)
        .arg(help_option);
    if let Some(about) = about {
        command = command.about(about);
    }
    command
}

/// The helps of a command and all below it that have no Chinese.
pub fn untranslated(command: &Command) -> Vec<String> {
    let mut missing: Vec<String> = command.get_about().into_iter().map(ToString::to_string).collect();
    missing.extend(command.get_arguments().filter_map(|arg| arg.get_help()).map(ToString::to_string));
    missing.retain(|text| help(text).is_none());
    missing.extend(command.get_subcommands().flat_map(untranslated));
    missing
}
