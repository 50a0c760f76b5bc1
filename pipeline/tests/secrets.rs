//! No command shows a secret: canaries are in every place that can have one.

#![expect(clippy::unwrap_used, reason = "a test that can't be set up has to fail")]

#[allow(dead_code, clippy::panic, reason = "shared with tests that start, send and stop in other ways")]
#[path = "support/processes.rs"]
mod processes;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::thread;

use processes::{Hub, catchwater, output_text};

/// A placeholder for a password, a signature or a key.
const CANARY: &str = "cAnArYs3cr3t";

/// Addresses with the canary in each part that can be secret.
fn addresses() -> Vec<String> {
    [
        "az://acct/lake?sv=2024&sig=CANARY",
        "https://acct.blob.core.windows.net/c?sv=1&sig=CANARY",
        "https://user:CANARY@host/x",
        "https://user:CANARY@host:8443/x?sig=CANARY#CANARY",
        "https://CANARY@host/x",
        "https://u:CAN/RY-CANARY@host/x",
        "https:/u:CANARY@host/x",
        "abfss://raw@a.dfs.core.windows.net/lake?sig=CANARY",
        "abfss://raw:CANARY@a.dfs.core.windows.net/lake",
        "s3://key:CANARY@bucket/lake",
        "gs://bucket/lake?token=CANARY",
        "file://user:CANARY@host/lake",
        "file:///dev/null/lake?sig=CANARY",
        "ftp://user:CANARY@host",
        "memory://?sig=CANARY",
        " az://a/b?sig=CANARY",
        "\"az://a/b?sig=CANARY\"",
        "https://h/x%3Fsig=CANARY",
        "abfss://c@a/b;sig=CANARY",
        "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=CANARY",
        "BlobEndpoint=https://a/;SharedAccessSignature=sv=1&sig=CANARY",
    ]
    .map(|text| text.replace("CANARY", CANARY))
    .into()
}

/// Connection strings with the canary as key, as signature and in wrong places.
fn connection_strings() -> Vec<String> {
    [
        "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=n;SharedAccessKey=CANARY;EntityPath=e;UseDevelopmentEmulator=true",
        "Endpoint=sb://127.0.0.1:1;SharedAccessSignature=SharedAccessSignature sr=a&sig=CANARY;EntityPath=e;UseDevelopmentEmulator=true",
        "Endpoint=sb://h;SharedAccessKeyName=n;SharedAccessKey=CANARY;EntityPath=e",
        "Endpoint=sb://h;SharedAccessKeyName=n;SharedAccessKey=CANARY",
        "Endpoint=sb://h;SharedAccessKey=CANARY;EntityPath=e",
        "Endpoint=sb://h;SharedAccessKeyName=n;SharedAccessKey=CANARY;SharedAccessSignature=CANARY",
        "Endpoint=sb://user:CANARY@127.0.0.1:1/;SharedAccessKeyName=n;SharedAccessKey=CANARY;EntityPath=e",
        "Endpoint=sb://CANARY@127.0.0.1:1/;SharedAccessKeyName=n;SharedAccessKey=k;EntityPath=e;UseDevelopmentEmulator=true",
        "Endpoint=sb://h?sig=CANARY;SharedAccessKeyName=n;SharedAccessKey=k;EntityPath=e;UseDevelopmentEmulator=true",
        "\"Endpoint=sb://h;SharedAccessKeyName=n;SharedAccessKey=CANARY;EntityPath=e\"",
        "Endpoint=sb://h;SharedAccessKeyName=n;SharedAccessKey=k;CANARY",
        "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=CANARY",
        "HostName=a.azure-devices.net;SharedAccessKeyName=n;SharedAccessKey=CANARY",
        "CANARY",
    ]
    .map(|text| text.replace("CANARY", CANARY))
    .into()
}

#[test]
fn every_command_shows_addresses_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().to_str().unwrap();
    let plain = "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=n;SharedAccessKey=k;EntityPath=e;UseDevelopmentEmulator=true";
    for address in addresses() {
        let address = address.as_str();
        for arguments in [
            &["run", "--connection-string", plain, "--lake", address][..],
            &["run", "--connection-string", plain, "--lake", lake, "--state", address],
            &["run", "--connection-string", plain, "--lake", lake, address],
            &["audit", "--lake", address],
            &["audit", "--lake", lake, "--state", address],
            &["redrive", "--lake", address],
            &["sql", "--lake", address],
            &["sql", "--lake", address, "--like", address],
            &["sql", "--lake", "az://a/b", "--like", address],
            &["sql", "--lake", lake, "--like", address],
            &["schema", "show", "--lake", address],
            &["schema", "show", address],
            &["demo", "--events", "1", "--lake", address],
            &["demo", address],
            &["hub", address],
            &["send", address],
            &["send", "--connection-string", plain, "--files", address],
            &["schema", "infer", "--files", address],
            &["run", "--connection-string", plain, "--lake", lake, "--schema", address],
            &["run", "--connection-string", plain, "--lake", lake, "--event-hub", address],
            &["run", "--connection-string", plain, "--lake", lake, "--budget", address],
            &["run", "--connection-string", plain, "--lake", lake, "--ca-file", address],
            &["run", "--connection-string", plain, "--lake", lake, "--transport", address],
            &["run", "--connection-string", plain, "--lake", lake, "--proxy", address],
            &["send", "--connection-string", plain, "--generate", "small", "--proxy", address],
        ] {
            let mut command = catchwater(arguments);
            // Errors of the hub end the command at once.
            command.env("CATCHWATER_LOG", "trace").env("CATCHWATER_RETRY_FOR", "0s");
            check(&command.output().unwrap(), arguments);
        }
    }
}

#[test]
fn every_command_shows_connection_strings_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().to_str().unwrap();
    for text in connection_strings() {
        let text = text.as_str();
        for arguments in [
            &["run", "--until-caught-up", "--lake", lake, "--connection-string", text][..],
            &["run", "--lake", lake, "--event-hub", "other", "--connection-string", text],
            &["send", "--generate", "small", "--events", "1", "--connection-string", text],
        ] {
            let mut command = catchwater(arguments);
            // Errors of the hub end the command at once.
            command.env("CATCHWATER_LOG", "trace").env("CATCHWATER_RETRY_FOR", "0s");
            check(&command.output().unwrap(), arguments);
        }
    }
    // In a wrong place it is recognized by its form.
    for text in connection_strings().iter().filter(|text| text.contains("Key=")) {
        for command in ["run", "check", "send", "hub", "demo", "audit", "redrive", "sql", "schema"] {
            for arguments in
                [&[command, text][..], &[command, "--lake", text], &[command, "--lake", text, text]]
            {
                check(&catchwater(arguments).output().unwrap(), arguments);
            }
        }
    }
}

#[test]
fn help_and_errors_do_not_show_variables() {
    for (address, connection) in addresses().iter().zip(connection_strings().iter().cycle()) {
        for arguments in [
            &["--help"][..],
            &["run", "--help"],
            &["send", "--help"],
            &["hub", "--help"],
            &["demo", "--help"],
            &["audit", "--help"],
            &["redrive", "--help"],
            &["sql", "--help"],
            &["schema", "--help"],
            &["schema", "show", "--help"],
            &["run"],
            &["audit"],
            &["redrive"],
            &["sql"],
            &["schema", "show"],
            &["run", "--nonsense"],
        ] {
            let output = catchwater(arguments)
                .env("CATCHWATER_LAKE", address)
                .env("CATCHWATER_STATE", address)
                .env("CATCHWATER_LIKE", address)
                .env("CATCHWATER_CONNECTION_STRING", connection)
                .env("CATCHWATER_RETRY_FOR", "0s")
                .env("CATCHWATER_LOG", "trace")
                .output()
                .unwrap();
            check(&output, arguments);
        }
        // Two variables of a deployment are swapped.
        for (variable, arguments) in [
            ("BUDGET", &["run", "--lake", "x"][..]),
            ("MAX_AGE", &["run", "--lake", "x"]),
            ("LANES", &["run", "--lake", "x"]),
            ("PARENT_CONTEXT", &["run", "--lake", "x"]),
            ("LISTEN", &["hub"]),
            ("PARTITIONS", &["hub"]),
            ("GENERATE", &["send"]),
            ("EVENTS", &["demo"]),
        ] {
            // A bare key can't be distinguished from another wrong value.
            for secret in [address, connection].into_iter().filter(|secret| *secret != CANARY) {
                let output =
                    catchwater(arguments).env(format!("CATCHWATER_{variable}"), secret).output().unwrap();
                check(&output, arguments);
            }
        }
    }
}

#[test]
fn proxies_are_shown_without_passwords() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().to_str().unwrap();
    let hub = "Endpoint=sb://h.invalid;SharedAccessKeyName=n;SharedAccessKey=k;EntityPath=e";
    let arguments = &["run", "--until-caught-up", "--lake", lake, "--connection-string", hub][..];
    for proxy in
        ["http://u:CANARY@127.0.0.1:1", "u:CANARY", "http://u:CANARY@x@127.0.0.1:1", "socks5://u:CANARY@p"]
    {
        for variable in ["HTTPS_PROXY", "CATCHWATER_PROXY"] {
            let mut command = catchwater(arguments);
            command.env(variable, proxy.replace("CANARY", CANARY)).env("CATCHWATER_LOG", "trace");
            check(&command.env("CATCHWATER_RETRY_FOR", "0s").output().unwrap(), arguments);
        }
    }
}

#[test]
fn identities_and_files_are_shown_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().to_str().unwrap();
    let file = folder.path().join("connection");
    // A bare word is taken for a name.
    for text in connection_strings().iter().filter(|text| *text != CANARY) {
        fs::write(&file, text).unwrap();
        let (file, text) = (file.to_str().unwrap(), text.as_str());
        for arguments in [
            &["run", "--until-caught-up", "--lake", lake, "--connection-string-file", file][..],
            &["run", "--lake", lake, "--connection-string-file", text],
            &["run", "--lake", lake, "--namespace", text, "--event-hub", "e"],
            &["run", "--lake", lake, "--namespace", "ns", "--event-hub", "e", "--client-secret-file", text],
            &["send", "--generate", "small", "--connection-string-file", text, "--connection-string", text],
        ] {
            let mut command = catchwater(arguments);
            command.env("CATCHWATER_LOG", "trace").env("CATCHWATER_RETRY_FOR", "0s");
            command.env("AZURE_AUTHORITY_HOST", "https://127.0.0.1:1");
            command.envs([("AZURE_CLIENT_SECRET", CANARY), ("AZURE_CLIENT_ID", "app")]);
            // Without the tenant, and then with it.
            check(&command.env_remove("AZURE_TENANT_ID").output().unwrap(), arguments);
            if arguments.contains(&"--namespace") {
                check(&command.env("AZURE_TENANT_ID", "tenant").output().unwrap(), arguments);
            }
        }
    }
}

/// A cloud store, an address in it, and the variables of one credential.
struct Cloud {
    address: &'static str,
    /// Without secrets; `SERVER` is the address of a server.
    plain: &'static [(&'static str, &'static str)],
    /// Settings that hold the canary.
    secrets: &'static [(&'static str, &'static str)],
}

const AZURE: &[(&str, &str)] = &[
    ("azure_storage_account_name", "acct"),
    ("azure_storage_endpoint", "SERVER"),
    ("azure_allow_http", "true"),
];
const APPLICATION: &[(&str, &str)] = &[
    ("azure_storage_account_name", "acct"),
    ("azure_storage_endpoint", "SERVER"),
    ("azure_authority_host", "SERVER"),
    ("azure_allow_http", "true"),
    ("azure_tenant_id", "tenant"),
    ("azure_client_id", "app"),
];
const AMAZON: &[(&str, &str)] = &[
    ("aws_access_key_id", "id"),
    ("aws_endpoint", "SERVER"),
    ("aws_allow_http", "true"),
    ("aws_region", "r"),
];
const CLOUDS: &[Cloud] = &[
    Cloud { address: "az://raw/lake", plain: AZURE, secrets: &[("azure_storage_account_key", CANARY)] },
    Cloud {
        address: "az://raw/lake",
        plain: AZURE,
        secrets: &[("azure_storage_sas_token", "sv=1&sig=cAnArYs3cr3t")],
    },
    Cloud {
        address: "az://raw/lake",
        plain: AZURE,
        secrets: &[("azure_storage_account_key", "not base64: cAnArYs3cr3t")],
    },
    Cloud { address: "az://raw/lake", plain: APPLICATION, secrets: &[("azure_client_secret", CANARY)] },
    Cloud {
        address: "s3://raw/lake",
        plain: AMAZON,
        secrets: &[("aws_secret_access_key", CANARY), ("aws_session_token", CANARY)],
    },
    Cloud {
        address: "gs://raw/lake",
        plain: &[],
        secrets: &[("google_service_account_key", "{\"private_key\": \"cAnArYs3cr3t\"}")],
    },
];

/// Every command on a store that refuses it and repeats the request in its answer, as S3 does for wrong signatures. Each
/// secret is given by a variable, by a file of its own, and, against the rules, in the configuration file.
#[test]
fn credentials_of_stores_are_not_shown() {
    let server = refusing_server();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("c.toml");
    let hub = "Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=n;SharedAccessKey=k;EntityPath=e;UseDevelopmentEmulator=true";
    for cloud in CLOUDS {
        let plain: Vec<_> =
            cloud.plain.iter().map(|(key, value)| (*key, value.replace("SERVER", &server))).collect();
        let mut table: Vec<String> = plain.iter().map(|(key, value)| format!("{key} = {value:?}")).collect();
        let in_file: Vec<String> = table
            .iter()
            .cloned()
            .chain(cloud.secrets.iter().map(|(key, value)| format!("{key} = {value:?}")))
            .collect();
        for (key, value) in cloud.secrets {
            let file = folder.path().join(key);
            fs::write(&file, value).unwrap();
            table.push(format!("{key}_file = {file:?}"));
        }
        for arguments in [
            &["run", "--connection-string", hub, "--lake", cloud.address][..],
            &["check", "--connection-string", hub, "--lake", cloud.address],
            &["audit", "--lake", cloud.address],
            &["redrive", "--lake", cloud.address],
            &["sql", "--lake", cloud.address],
            &["schema", "show", "--lake", cloud.address],
            &["demo", "--events", "1", "--lake", cloud.address],
            &["config", "show", "run", "--lake", cloud.address],
            &["config", "show", "--json"],
            &["audit", "--help"],
        ] {
            let mut by_variable = catchwater(arguments);
            for (key, value) in
                plain.iter().map(|(key, value)| (*key, value.as_str())).chain(cloud.secrets.iter().copied())
            {
                by_variable.env(key.to_ascii_uppercase(), value);
            }
            check_at_trace(by_variable, arguments);
            for lines in [&table, &in_file] {
                fs::write(&config, format!("[store]\n{}\n", lines.join("\n"))).unwrap();
                let mut by_file = catchwater(arguments);
                by_file.env("CATCHWATER_CONFIG", &config);
                check_at_trace(by_file, arguments);
            }
        }
    }
}

/// Secrets that a file holds against the rules.
#[test]
fn secrets_in_the_configuration_file_are_refused_and_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("c.toml");
    let refuses = |text: &str, arguments: &[&str]| {
        fs::write(&config, text).unwrap();
        let output = catchwater(arguments).env("CATCHWATER_CONFIG", &config).output().unwrap();
        check(&output, arguments);
        assert_eq!(output.status.code(), Some(2), "{text}: {}", output_text(&output));
    };
    for address in addresses() {
        refuses(&format!("[run]\nstate = {address:?}"), &["audit"]);
        // Not TOML.
        refuses(&format!("lake = {address}"), &["audit"]);
        refuses(&address, &["audit"]);
    }
    for connection in connection_strings() {
        refuses(&format!("connection_string = {connection:?}"), &["audit"]);
        // A bare word is taken for a name.
        if connection.contains("Key=") {
            refuses(&format!("connection_string_file = {connection:?}"), &["audit"]);
        }
    }
    let proxy = format!("'http://u:{CANARY}@127.0.0.1:1'");
    for text in [format!("proxy = {proxy}"), format!("[store]\naws_proxy_url = {proxy}")] {
        for arguments in
            [&["run"][..], &["hub"], &["config", "show"], &["sql", "--lake", "x"], &["completions", "bash"]]
        {
            refuses(&text, arguments);
        }
    }
}

#[test]
fn secrets_in_files_that_the_configuration_names_are_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (config, secret) = (path("c.toml"), path("secret"));
    let lake = format!("lake = {:?}", path("lake"));
    for connection in connection_strings() {
        fs::write(&secret, &connection).unwrap();
        for credential in [
            format!("connection_string_file = {secret:?}"),
            format!("namespace = \"n\"\nevent_hub = \"e\"\nclient_secret_file = {secret:?}"),
        ] {
            fs::write(&config, format!("{lake}\n{credential}\n")).unwrap();
            for arguments in [
                &["run", "--config", &config][..],
                &["send", "--config", &config, "--generate", "small", "--events", "1"],
                &["config", "show", "run", "--config", &config],
            ] {
                let mut command = catchwater(arguments);
                command.env("AZURE_AUTHORITY_HOST", "https://127.0.0.1:1");
                command.envs([("AZURE_CLIENT_ID", "app"), ("AZURE_TENANT_ID", "tenant")]);
                check_at_trace(command, arguments);
            }
        }
    }
}

/// `config show` with each secret in the environment and in arguments.
#[test]
fn settings_are_shown_without_secrets() {
    for (address, connection) in addresses().iter().zip(connection_strings().iter().cycle()) {
        for arguments in [
            &["config", "show", "run"][..],
            &["config", "show", "--json", "run"],
            &["config", "show", "sql", "--like", address],
            &["config", "show", "demo"],
            &["config", "show", "run", "--lake", address, "--connection-string", connection],
            &["config", "show", "audit", "--laek", address],
            &["config", "show", address],
            &["--config", address, "config", "show"],
            &["completions", address],
        ] {
            let mut shown = catchwater(arguments);
            shown.env("CATCHWATER_LAKE", address).env("CATCHWATER_STATE", address);
            shown.env("CATCHWATER_PROXY", format!("u:{CANARY}"));
            shown.env("AZURE_CLIENT_SECRET", CANARY).env("AWS_SESSION_TOKEN", CANARY);
            if !arguments.contains(&"--connection-string") {
                shown.env("CATCHWATER_CONNECTION_STRING", connection);
            }
            check_at_trace(shown, arguments);
        }
    }
}

/// The commands of the program, as `--help` lists them.
fn commands() -> Vec<String> {
    let help = output_text(&catchwater(&["--help"]).output().unwrap());
    let (_, listed) = help.split_once("Commands:\n").unwrap();
    let names = listed
        .lines()
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

/// Also covers commands that come later.
#[test]
fn help_of_every_command_does_not_show_variables() {
    let commands = commands();
    assert!(commands.len() >= 11, "{commands:?}");
    for command in &commands {
        for arguments in [&[command.as_str(), "--help"][..], &["help", command], &[command, "--nonsense"]] {
            let mut help = catchwater(arguments);
            for name in ["LAKE", "STATE", "CONNECTION_STRING", "PROXY", "CONFIG", "NAMESPACE", "LIKE"] {
                help.env(format!("CATCHWATER_{name}"), format!("az://u:{CANARY}@a/b?sig={CANARY}"));
            }
            check_at_trace(help, arguments);
        }
    }
}

fn check_at_trace(mut command: Command, arguments: &[&str]) {
    command.env("CATCHWATER_LOG", "trace").env("CATCHWATER_RETRY_FOR", "0s");
    check(&command.output().unwrap(), arguments);
}

/// The address of an HTTP server that answers 403 and repeats the request. It lasts as long as the test's process.
fn refusing_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || refuse(&stream.unwrap()));
        }
    });
    address
}

fn refuse(mut stream: &TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let start = head.len();
        reader.read_line(&mut head).ok().filter(|bytes| *bytes > 0)?;
        let line = head[start..].to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let request = format!("{head}{}", String::from_utf8_lossy(&body));
    let answer = format!(
        "<Error><Code>SignatureDoesNotMatch</Code><CanonicalRequest>{request}</CanonicalRequest></Error>"
    );
    let length = answer.len();
    write!(stream, "HTTP/1.1 403 Forbidden\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{answer}")
        .ok()
}

/// Searches all log lines and all files for a valid key.
#[test]
fn keys_stay_out_of_logs_and_lakes() {
    let (hub, folder) = (Hub::start(1), tempfile::tempdir().unwrap());
    let lake = folder.path().join("lake");
    let key =
        hub.connection_string.split(';').find_map(|part| part.strip_prefix("SharedAccessKey=")).unwrap();
    let connection = hub.connection_string.as_str();
    let lake_text = lake.to_str().unwrap();
    for arguments in [
        &["send", "--generate", "small", "--events", "10", "--connection-string", connection][..],
        &["run", "--until-caught-up", "--lake", lake_text, "--connection-string", connection],
        &["audit", "--lake", lake_text],
        &["redrive", "--lake", lake_text],
        &["sql", "--lake", lake_text],
        &["schema", "show", "--lake", lake_text],
    ] {
        let output = catchwater(arguments).env("CATCHWATER_LOG", "trace").output().unwrap();
        let text = output_text(&output);
        assert!(output.status.success(), "{text}");
        for secret in [key, "SharedAccessSignature", "&sig="] {
            assert!(!text.contains(secret), "{arguments:?} shows {secret}:\n{text}");
        }
    }
    check_files(&lake, key.as_bytes());
}

fn check(output: &Output, arguments: &[&str]) {
    let text = output_text(output);
    assert!(!text.contains(CANARY) && !text.contains("CAN/RY"), "{arguments:?}:\n{text}");
}

fn check_files(folder: &Path, secret: &[u8]) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            check_files(&path, secret);
        } else {
            let bytes = fs::read(&path).unwrap();
            assert!(!bytes.windows(secret.len()).any(|part| part == secret), "{}", path.display());
        }
    }
}
