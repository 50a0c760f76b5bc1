//! The file against the real definitions of the command line.

mod reference; // docs/CONFIG.md

use std::path::Path;

use clap::{ArgMatches, CommandFactory};

use crate::cli::command::Cli;
use crate::cli::config::file::ConfigFile;
use crate::cli::config::layers::layered;
use crate::cli::config::settings::{scopes, settings_of};

fn parse(text: &str) -> Result<ConfigFile, String> {
    ConfigFile::parse(Path::new("c.toml"), text, &Cli::command()).map_err(|error| error.to_string())
}

/// The matches of a command with a file.
fn with_file(text: &str, arguments: &[&str]) -> ArgMatches {
    let file = parse(text).unwrap();
    let line = ["catchwater"].iter().chain(arguments);
    let matches = layered(Cli::command(), Some(&file)).try_get_matches_from(line);
    let mut matches = matches.unwrap_or_else(|error| panic!("{error}"));
    while let Some((_, below)) = matches.remove_subcommand() {
        matches = below;
    }
    matches
}

fn raw(matches: &ArgMatches, id: &str) -> Vec<String> {
    let values = matches.get_raw(id).into_iter().flatten();
    values.map(|value| value.to_string_lossy().into_owned()).collect()
}

#[test]
fn option_variable_and_key_have_one_name() {
    let root = Cli::command();
    for scope in scopes(&root) {
        for setting in settings_of(scope.command) {
            let variable = setting.arg.get_env().unwrap().to_str().unwrap();
            assert_eq!(variable, setting.variable(), "in {:?}", scope.table);
        }
    }
}

/// A secret has a key for its file, so a key with such a sibling is a secret.
#[test]
fn secrets_are_the_settings_with_a_file_beside_them() {
    let root = Cli::command();
    let mut secrets = 0;
    for scope in scopes(&root) {
        for setting in settings_of(scope.command) {
            let has_file = scope.setting(&format!("{}_file", setting.key)).is_some();
            assert_eq!(setting.is_secret(), has_file, "{}", setting.key);
            secrets += usize::from(has_file);
        }
    }
    assert!(secrets > 0);
}

#[test]
fn file_sets_required_options_switches_and_lists() {
    let text = "lake = 'a'\n[run]\naccept_loss = true\nlanes = 3\n[hub]\ntls = true\ntls_name = ['x', 'y']\n";
    let matches = with_file(text, &["run"]);
    assert_eq!(raw(&matches, "lake"), ["a"]);
    assert_eq!(raw(&matches, "lanes"), ["3"]);
    assert!(matches.get_flag("accept_loss"));
    assert!(!matches.get_flag("reread"));
    let matches = with_file(text, &["hub"]);
    assert_eq!(raw(&matches, "tls_name"), ["x", "y"]);
    assert!(matches.get_flag("tls"));
}

#[test]
fn option_wins_over_file() {
    let text = "lake = 'file'\n[run]\nmax_age = '1m'\n";
    let matches = with_file(text, &["run", "--lake", "flag", "--max-age", "2m"]);
    assert_eq!(raw(&matches, "lake"), ["flag"]);
    assert_eq!(raw(&matches, "max_age"), ["2m"]);
}

#[test]
fn table_wins_over_top_and_applies_to_its_command_only() {
    let text = "lake = 'top'\n[audit]\nlake = 'audit'\n[schema.show]\nlake = 'schema'\n";
    assert_eq!(raw(&with_file(text, &["audit"]), "lake"), ["audit"]);
    assert_eq!(raw(&with_file(text, &["schema", "show"]), "lake"), ["schema"]);
    assert_eq!(raw(&with_file(text, &["sql"]), "lake"), ["top"]);
}

#[test]
fn check_takes_the_table_of_run() {
    let text = "lake = 'top'\n[run]\nlake = 'run'\nlanes = 1\n[check]\nlanes = 2\n";
    let matches = with_file(text, &["check"]);
    assert_eq!(raw(&matches, "lake"), ["run"]);
    assert_eq!(raw(&matches, "lanes"), ["2"]);
}

#[test]
fn demo_and_hub_take_their_own_table_only() {
    let text = "lake = 'top'\nevent_hub = 'top'\n";
    assert!(raw(&with_file(text, &["demo"]), "lake").is_empty());
    assert!(raw(&with_file(text, &["hub"]), "event_hub").is_empty());
    assert_eq!(raw(&with_file("[demo]\nlake = 'own'\n", &["demo"]), "lake"), ["own"]);
}

#[test]
fn mistakes_name_file_line_key_and_remedy() {
    for (text, error) in [
        ("\nlaek = 'x'", "c.toml:2: unknown setting laek; did you mean lake?"),
        ("zzz = 'x'", "c.toml:1: unknown setting zzz; docs/CONFIG.md lists them"),
        ("[run]\nmax-age = '1m'", "c.toml:2: unknown setting max-age of [run]; did you mean max_age?"),
        ("[rum]\n", "c.toml:1: unknown table [rum]; did you mean [run]?"),
        ("[x]\n", "c.toml:1: unknown table [x]; a table has the name of a command, or is [store]"),
        ("tls = true", "c.toml:1: unknown setting tls; it belongs in the table [hub]"),
        ("aws_region = 'x'", "c.toml:1: unknown setting aws_region; it belongs in the table [store]"),
        (
            "[audit]\nbudget = 1",
            "c.toml:2: unknown setting budget of [audit]; it is a setting of [demo], [run], [check]",
        ),
        ("json = true", "c.toml:1: unknown setting json; docs/CONFIG.md lists them"),
        (
            "budget = '12'",
            "c.toml:1: budget = \"12\": the budget is too small to gather rows into files; give 16MiB or more",
        ),
        ("max_age = 'x'", "c.toml:1: max_age = \"x\": invalid duration `x`: write 30s, 10m or 1h"),
        ("transport = 'http'", "c.toml:1: transport = \"http\": write one of amqp, websocket"),
        ("[hub]\npartitions = 0", "c.toml:2: partitions = \"0\": 0 is not in 1..=1024"),
        ("lanes = -1", "c.toml:1: lanes = \"-1\": invalid digit found in string"),
        ("lake = 5", "c.toml:1: lake is a text; put it in quotes"),
        ("lake = true", "c.toml:1: lake is not a switch; write URL"),
        ("lake = ['a']", "c.toml:1: lake takes one value, not a list"),
        ("accept_loss = 'yes'", "c.toml:1: accept_loss is a switch; write true or false"),
        ("[hub]\ntls_name = [['a']]", "c.toml:2: tls_name takes texts, not lists or tables"),
        ("a = 1\na = 2", "c.toml:2: duplicate key"),
        (
            "[store]\naws_regions = 'x'",
            "c.toml:2: no cloud store has a setting aws_regions; did you mean aws_region?",
        ),
        ("[store]\naws_region = ['x']", "c.toml:2: aws_region takes a text, not a list"),
    ] {
        assert_eq!(parse(text).unwrap_err(), error);
    }
}

#[test]
fn secrets_are_refused_and_not_repeated() {
    for (text, remedy) in [
        (
            "connection_string = 'cAnArY'",
            "write connection_string_file = \"FILE\", or set CATCHWATER_CONNECTION_STRING",
        ),
        ("lake = 'az://a/b?sig=cAnArY'", "set CATCHWATER_LAKE"),
        ("proxy = 'http://u:cAnArY@h:1'", "set CATCHWATER_PROXY"),
        (
            "[run]\nbudget = 'Endpoint=sb://h;SharedAccessKeyName=n;SharedAccessKey=cAnArY'",
            "set CATCHWATER_BUDGET",
        ),
        (
            "[store]\nazure_storage_account_key = 'cAnArY'",
            "azure_storage_account_key_file = \"FILE\", or set AZURE_STORAGE_ACCOUNT_KEY",
        ),
        ("[store]\naws_secret_access_key = 'cAnArY'", "set AWS_SECRET_ACCESS_KEY"),
        ("[store]\nazure_storage_sas_key = 'cAnArY'", "set AZURE_STORAGE_SAS_KEY"),
        ("[store]\nazure_proxy_url = 'http://u:cAnArY@h'", "set AZURE_PROXY_URL"),
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.contains("secret, which does not belong in this file"), "{error}");
        assert!(error.contains(remedy) && !error.contains("cAnArY"), "{error}");
    }
}

#[test]
fn secrets_of_cloud_stores_come_from_files() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("key");
    std::fs::write(&secret, "\u{feff}abc=\n").unwrap();
    let text =
        format!("[store]\naws_secret_access_key_file = '{}'\naws_allow_http = true\n", secret.display());
    let file = parse(&text).unwrap();
    let set: Vec<_> = file.store().iter().collect();
    assert_eq!(set, [("aws_allow_http", "true"), ("aws_secret_access_key", "abc=")]);
    std::fs::write(&secret, "\n").unwrap();
    assert!(parse(&text).unwrap_err().contains("is empty"));
    assert!(
        parse("[store]\naws_secret_access_key_file = '/nonexistent'").unwrap_err().contains("can't be read")
    );
}

/// Settings in comments (`#max_age = …`) count as well: an operator removes the `#`.
#[test]
fn example_file_is_valid_with_and_without_its_comments() {
    let example = include_str!("../../../../../deploy/catchwater.example.toml");
    parse(example).unwrap();
    let uncommented: Vec<String> = example
        .lines()
        .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line).to_owned())
        // The files of secrets do not exist here.
        .filter(|line| !(line.starts_with("azure") || line.starts_with("aws")) || !line.contains("_file"))
        .collect();
    let file = parse(&uncommented.join("\n")).unwrap();
    assert!(file.entry("run", "budget").is_some());
}
