//! Bodies with a chosen number of tables, columns and bytes, for benches of growth.
//!
//! Owns: their text, in the serializer's wire form. Does not own: realistic bodies, which have six tables with fixed
//! columns (`catchwater::internals::generator`).

use std::fmt::Write;

/// Shape of made bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Made {
    /// Number of tables, used in turn.
    pub tables: usize,
    /// Number of attributes besides the key.
    pub columns: usize,
    /// Approximate size of each body in bytes, reached by the length of its strings.
    pub bytes: usize,
}

impl Made {
    /// The table of the n-th body.
    pub fn table(&self, n: usize) -> String {
        format!("new_table{:02}", n % self.tables)
    }

    /// Appends the n-th body.
    pub fn write(&self, n: usize, out: &mut Vec<u8>) {
        /// Approximate bytes of the members around the attributes.
        const ENVELOPE: usize = 1300;
        /// Approximate bytes of an attribute: name, number and punctuation.
        const ATTRIBUTE: usize = 45;
        // Every third attribute is a string.
        let strings = self.columns.div_ceil(3);
        let rest = self.bytes.saturating_sub(ENVELOPE + self.columns * ATTRIBUTE);
        let words = Words { length: rest / strings.max(1), seed: n };
        let mut attributes = String::new();
        for column in 0..self.columns {
            let value = n * 31 + column * 7;
            let _ = match column % 3 {
                0 => write!(attributes, r#",{{"key":"new_text{column}","value":"{words}"}}"#),
                1 => write!(attributes, r#",{{"key":"new_number{column}","value":{value}}}"#),
                _ => write!(
                    attributes,
                    r#",{{"key":"new_flag{column}","value":{}}}"#,
                    if value.is_multiple_of(2) { "true" } else { "false" }
                ),
            };
        }
        let id = format!("{:08x}-0000-4000-8000-{:012x}", n as u32, n);
        let table = self.table(n);
        let body = ENVELOPE_TEXT
            .replace("<id>", &id)
            .replace("<table>", &table)
            .replace("<n>", &(n % 1000 + 1_700_000_000).to_string())
            .replace("<attributes>", &attributes);
        out.extend_from_slice(body.as_bytes());
    }
}

/// Words up to a length in bytes; the seed chooses the words.
struct Words {
    length: usize,
    seed: usize,
}

impl std::fmt::Display for Words {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        const WORDS: [&str; 7] = ["river ", "lake ", "weir ", "sluice ", "culvert ", "dam ", "spring "];
        let mut written = 0;
        let mut at = self.seed;
        while written < self.length {
            let word = WORDS[at % WORDS.len()];
            out.write_str(word)?;
            written += word.len();
            at = at.wrapping_mul(5).wrapping_add(written);
        }
        Ok(())
    }
}

const ENVELOPE_TEXT: &str = r#"{"BusinessUnitId":"a3c20b02-4e38-4f11-a315-000d3a5a54dc","CorrelationId":"<id>","Depth":1,"InitiatingUserAgent":null,"InitiatingUserAzureActiveDirectoryObjectId":"00000000-0000-0000-0000-000000000000","InitiatingUserId":"d89254ff-9438-4f11-a315-000d3a5a54dc","InputParameters":[{"key":"Target","value":{"__type":"Entity:http:\/\/schemas.microsoft.com\/xrm\/2011\/Contracts","Attributes":[{"key":"<table>id","value":"<id>"}<attributes>],"EntityState":null,"FormattedValues":[],"Id":"<id>","KeyAttributes":[],"LogicalName":"<table>","RelatedEntities":[],"RowVersion":null}}],"IsExecutingOffline":false,"IsInTransaction":false,"IsOfflinePlayback":false,"IsolationMode":1,"MessageName":"Create","Mode":1,"OperationCreatedOn":"\/Date(<n>000+0000)\/","OperationId":"<id>","OrganizationId":"6042beb1-a93a-4f11-8e4b-00224802c699","OrganizationName":"catchwater","OutputParameters":[],"OwningExtension":{"Id":"8ff4bda5-9d4e-4f11-bfe3-00224802dbb1","KeyAttributes":[],"LogicalName":"sdkmessageprocessingstep","Name":null,"RowVersion":null},"ParentContext":null,"PostEntityImages":[],"PreEntityImages":[],"PrimaryEntityId":"<id>","PrimaryEntityName":"<table>","RequestId":"<id>","SecondaryEntityName":"none","SharedVariables":[],"Stage":40,"UserAzureActiveDirectoryObjectId":"00000000-0000-0000-0000-000000000000","UserId":"d89254ff-9438-4f11-a315-000d3a5a54dc"}"#;

#[cfg(test)]
mod tests {
    use super::*;
    use catchwater::internals::parse::{ParentContext, Parser};

    #[test]
    fn made_body_is_an_event_of_its_table_and_size() {
        let mut parser = Parser::new(ParentContext::Drop);
        for (columns, bytes) in [(1, 1400), (20, 3000), (1000, 60_000), (20, 1 << 20)] {
            let made = Made { tables: 3, columns, bytes };
            let mut body = Vec::new();
            made.write(4, &mut body);
            assert!(body.len().abs_diff(bytes) < bytes / 5 + 300, "{} for {bytes}", body.len());
            let event = parser.parse(&body).unwrap();
            assert_eq!((event.table.name(), event.message), ("new_table01", "Create"));
        }
    }
}
