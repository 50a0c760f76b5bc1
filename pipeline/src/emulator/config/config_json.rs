//! The configuration file of the official emulator, `Config.json`.
//!
//! Owns the way from its text to the configuration of hubs, with the limits of the official emulator. Does not own:
//! comments and encodings (`relaxed_json`).
//!
//! As .NET does, it takes names of members in upper or lower case and numbers in quotes, and ignores members that it
//! does not know. `LoggingConfig` is ignored too.
//!
//! # Source
//! Protocol reference 8.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use serde_json::Value;

use super::relaxed_json;
use super::{DEFAULT_GROUP, HubConfig, NameKind};

/// Limits of the official emulator.
const HUBS: RangeInclusive<usize> = 1..=10;
const CONSUMER_GROUPS: RangeInclusive<usize> = 0..=20;
const PARTITIONS: RangeInclusive<u32> = 1..=32;

/// Reads the hubs of a `Config.json`.
///
/// # Errors
/// The place of the mistake, and its remedy.
pub fn read_config_json(bytes: &[u8]) -> Result<Vec<HubConfig>, ConfigJsonError> {
    let text = relaxed_json::decode(bytes).ok_or(ConfigJsonError::Encoding)?;
    let value: Value = serde_json::from_str(&relaxed_json::standard(&text))?;
    let root = Place { path: String::new(), value: &value };
    let namespaces = root.member("UserConfig")?.member("NamespaceConfig")?;
    let namespace = match namespaces.items()?.as_slice() {
        [namespace] => namespace.clone(),
        other => {
            return Err(namespaces.fault(format!(
                "it has {} namespaces; leave exactly one, of the type EventHub",
                other.len()
            )));
        }
    };
    if let Some(kind) = namespace.find("Type")?
        && !kind.text()?.eq_ignore_ascii_case("EventHub")
    {
        return Err(kind.fault("the only type of a namespace here is \"EventHub\""));
    }
    let entities = namespace.member("Entities")?;
    let hubs: Vec<_> = entities.items()?.iter().map(read_hub).collect::<Result<_, _>>()?;
    if !HUBS.contains(&hubs.len()) {
        return Err(entities.fault(format!(
            "it has {} event hubs; the official emulator takes {} to {}",
            hubs.len(),
            HUBS.start(),
            HUBS.end()
        )));
    }
    let mut names = BTreeSet::new();
    for (hub, place) in hubs.iter().zip(entities.items()?) {
        if !names.insert(hub.name.to_lowercase()) {
            let text = format!("another event hub has the name `{}`; rename one of them", hub.name);
            return Err(place.member("Name")?.fault(text));
        }
    }
    Ok(hubs)
}

fn read_hub(entity: &Place<'_>) -> Result<HubConfig, ConfigJsonError> {
    let name = entity.member("Name")?.name(NameKind::EventHub)?;
    let count = entity.member("PartitionCount")?;
    let partitions: Option<u32> =
        count.text()?.trim().parse().ok().filter(|count| PARTITIONS.contains(count));
    let partitions = partitions.ok_or_else(|| {
        let (from, to) = (PARTITIONS.start(), PARTITIONS.end());
        count.fault(format!("{} is not a number of partitions; write {from} to {to}", count.value))
    })?;
    let mut groups: Vec<String> = Vec::new();
    if let Some(place) = entity.find("ConsumerGroups")? {
        for group in place.items()? {
            let name = group.member("Name")?;
            if name.text()?.eq_ignore_ascii_case(DEFAULT_GROUP) {
                continue;
            }
            let name = name.name(NameKind::ConsumerGroup)?;
            if !groups.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
                groups.push(name);
            }
        }
        if !CONSUMER_GROUPS.contains(&groups.len()) {
            let (count, most) = (groups.len(), CONSUMER_GROUPS.end());
            let text = format!(
                "it has {count} consumer groups; the official emulator takes at most {most}, besides $Default"
            );
            return Err(place.fault(text));
        }
    }
    Ok(HubConfig { name, partitions: Some(partitions), consumer_groups: Some(groups) })
}

/// Error in a `Config.json`.
#[derive(Debug, thiserror::Error)]
pub enum ConfigJsonError {
    /// The file is not text.
    #[error("the file is neither UTF-8 nor UTF-16 with a byte order mark; save it as UTF-8")]
    Encoding,
    /// The text is not JSON.
    #[error("the file is not JSON")]
    Syntax(#[from] serde_json::Error),
    /// A value does not fit.
    #[error("{path}: {text}")]
    Value {
        /// Path of the value, as in `UserConfig.NamespaceConfig[0]`.
        path: String,
        /// The mistake and its remedy.
        text: String,
    },
}

/// A value and its path.
#[derive(Clone, Debug)]
struct Place<'a> {
    path: String,
    value: &'a Value,
}

impl Place<'_> {
    fn fault(&self, text: impl Into<String>) -> ConfigJsonError {
        let path = if self.path.is_empty() { "the file" } else { &self.path };
        ConfigJsonError::Value { path: path.to_owned(), text: text.into() }
    }

    /// Returns a member that has to be there.
    fn member(&self, name: &str) -> Result<Self, ConfigJsonError> {
        self.find(name)?.ok_or_else(|| self.below(name).fault("it is missing; add it"))
    }

    /// Returns a member, whose name may be in upper or lower case; a null counts as missing.
    fn find(&self, name: &str) -> Result<Option<Self>, ConfigJsonError> {
        let Value::Object(members) = self.value else {
            return Err(self.fault("it is not an object; write {…}"));
        };
        let mut found = members.iter().filter(|(member, _)| member.eq_ignore_ascii_case(name));
        let Some((member, value)) = found.next() else { return Ok(None) };
        if found.next().is_some() {
            return Err(self.below(name).fault("it is there twice; leave one of them"));
        }
        Ok((!value.is_null()).then(|| Self { value, ..self.below(member) }))
    }

    /// Returns the elements of a list.
    fn items(&self) -> Result<Vec<Self>, ConfigJsonError> {
        let Value::Array(items) = self.value else { return Err(self.fault("it is not a list; write […]")) };
        let place = |(index, value)| Self { path: format!("{}[{index}]", self.path), value };
        Ok(items.iter().enumerate().map(place).collect())
    }

    /// Returns a text, or a number as text.
    fn text(&self) -> Result<String, ConfigJsonError> {
        match self.value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            _ => Err(self.fault("it is neither a text nor a number")),
        }
    }

    fn name(&self, kind: NameKind) -> Result<String, ConfigJsonError> {
        let name = self.text()?;
        kind.check(&name).map_err(|error| self.fault(error.to_string()))?;
        Ok(name)
    }

    fn below(&self, member: &str) -> Self {
        let separator = if self.path.is_empty() { "" } else { "." };
        Self { path: format!("{}{separator}{member}", self.path), value: self.value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sample of the official emulator.
    const SAMPLE: &str = r#"{
      "UserConfig": {
        "NamespaceConfig": [
          {
            "Type": "EventHub",
            "Name": "emulatorNs1",
            "Entities": [
              { "Name": "eh1", "PartitionCount": "2", "ConsumerGroups": [ { "Name": "cg1" } ] },
              { "Name": "eh2", "PartitionCount": 4, "ConsumerGroups": [] }
            ]
          }
        ],
        "LoggingConfig": { "Type": "File" }
      }
    }"#;

    fn hub(name: &str, partitions: u32, groups: &[&str]) -> HubConfig {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        HubConfig { name: name.into(), partitions: Some(partitions), consumer_groups: Some(groups) }
    }

    #[test]
    fn sample_of_the_official_emulator_is_read() {
        let expected = [hub("eh1", 2, &["cg1"]), hub("eh2", 4, &[])];
        assert_eq!(read_config_json(SAMPLE.as_bytes()).unwrap(), expected);
    }

    #[test]
    fn what_dotnet_accepts_is_accepted() {
        let expected = [hub("eh1", 2, &["cg1"]), hub("eh2", 4, &[])];
        let changes: [(&str, &str); 9] = [
            ("UserConfig", "userconfig"),
            ("\"PartitionCount\": 4", "\"partitionCOUNT\": 4"),
            ("\"2\"", "\" 2 \""),
            ("\"ConsumerGroups\": []", "\"ConsumerGroups\": [ { \"Name\": \"$Default\" }, ]"),
            ("\"ConsumerGroups\": []", "\"ConsumerGroups\": null /* none */"),
            (", \"ConsumerGroups\": []", ""),
            ("\"Type\": \"EventHub\"", "\"Type\": \"eventhub\", \"Unknown\": {}"),
            ("\"LoggingConfig\": { \"Type\": \"File\" }", "\"LoggingConfig\": 7"),
            ("{ \"Name\": \"cg1\" }", "{ \"Name\": \"cg1\" }, { \"name\": \"CG1\" }"),
        ];
        for (from, to) in changes {
            let text = SAMPLE.replacen(from, to, 1);
            assert_ne!(text, SAMPLE, "{from}");
            assert_eq!(read_config_json(text.as_bytes()).unwrap(), expected, "{from} -> {to}");
        }
        let utf_16: Vec<u8> = format!("\u{feff}{SAMPLE}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(read_config_json(&utf_16).unwrap(), expected, "as Windows PowerShell writes it");
    }

    #[test]
    fn mistakes_are_reported_with_place_and_remedy() {
        let groups: Vec<_> = (0..21).map(|number| format!("{{\"Name\": \"g{number}\"}}")).collect();
        let many = format!("\"ConsumerGroups\": [{}]", groups.join(","));
        let hubs: Vec<_> =
            (0..9).map(|number| format!("{{\"Name\": \"h{number}\", \"PartitionCount\": 1}}, ")).collect();
        let many_hubs = format!("\"Entities\": [{}", hubs.concat());
        let entity = "UserConfig.NamespaceConfig[0].Entities[1]";
        let cases: [(&str, &str, &str); 17] = [
            (
                "\"PartitionCount\": 4",
                "\"PartitionCount\": 33",
                ".PartitionCount: 33 is not a number of partitions; write 1 to 32",
            ),
            ("\"PartitionCount\": 4", "\"PartitionCount\": 0", ".PartitionCount: 0 is not"),
            ("\"PartitionCount\": 4", "\"PartitionCount\": 2.5", ".PartitionCount: 2.5 is not"),
            ("\"PartitionCount\": 4", "\"PartitionCount\": \"four\"", ".PartitionCount: \"four\" is not"),
            (
                "\"PartitionCount\": 4",
                "\"PartitionCount\": true",
                ".PartitionCount: it is neither a text nor a number",
            ),
            ("\"PartitionCount\": 4", "\"Partitions\": 4", ".PartitionCount: it is missing; add it"),
            (
                "\"PartitionCount\": 4",
                "\"PartitionCount\": 4, \"partitioncount\": 5",
                ".PartitionCount: it is there twice",
            ),
            ("\"eh2\"", "\"EH1\"", ".Name: another event hub has the name `EH1`; rename one of them"),
            ("\"eh2\"", "\"../eh2\"", ".Name: invalid name `../eh2` of an event hub"),
            ("\"eh2\"", "\"\"", ".Name: invalid name `` of an event hub"),
            ("\"ConsumerGroups\": []", "\"ConsumerGroups\": \"cg\"", ".ConsumerGroups: it is not a list"),
            ("\"ConsumerGroups\": []", "\"ConsumerGroups\": [7]", ".ConsumerGroups[0]: it is not an object"),
            (
                "\"ConsumerGroups\": []",
                "\"ConsumerGroups\": [{\"Name\": \"a b\"}]",
                ".ConsumerGroups[0].Name: invalid name `a b` of a consumer group",
            ),
            ("\"ConsumerGroups\": []", &many, ".ConsumerGroups: it has 21 consumer groups"),
            ("\"EventHub\"", "\"ServiceBus\"", "UserConfig.NamespaceConfig[0].Type: the only type"),
            (
                "\"Entities\": [",
                &many_hubs,
                "UserConfig.NamespaceConfig[0].Entities: it has 11 event hubs; the official emulator takes 1 to 10",
            ),
            ("\"UserConfig\"", "\"Config\"", "UserConfig: it is missing; add it"),
        ];
        for (from, to, expected) in cases {
            let text = SAMPLE.replacen(from, to, 1);
            assert_ne!(text, SAMPLE, "{from}");
            let expected =
                if expected.starts_with('.') { format!("{entity}{expected}") } else { expected.to_owned() };
            let error = read_config_json(text.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(&expected), "{error}, not {expected}");
        }
    }

    #[test]
    fn number_of_namespaces_is_one() {
        for (list, count) in [("[]", 0), ("[{}, {}]", 2)] {
            let text = format!("{{\"UserConfig\": {{\"NamespaceConfig\": {list}}}}}");
            let error = read_config_json(text.as_bytes()).unwrap_err().to_string();
            let expected =
                format!("UserConfig.NamespaceConfig: it has {count} namespaces; leave exactly one");
            assert!(error.starts_with(&expected), "{error}");
        }
    }

    #[test]
    fn text_that_is_not_json_names_line_and_column() {
        let text = "{\n  // a comment\n  \"UserConfig\": oops\n}";
        let Err(ConfigJsonError::Syntax(error)) = read_config_json(text.as_bytes()) else { panic!() };
        assert_eq!((error.line(), error.column()), (3, 17));
        assert!(matches!(read_config_json(b"\xff"), Err(ConfigJsonError::Encoding)));
        assert_eq!(
            read_config_json(b"7").unwrap_err().to_string(),
            "the file: it is not an object; write {…}"
        );
    }
}
