//! The names of a namespace: a log may be reached under an alias, a private endpoint, or another host after a failover.
//!
//! Owns the records of further names and the checks before one is put. Does not own the name that the lake knows a log
//! by: its origins have it ([`super::records`]), and checkpoints are stored under it.

use serde::{Deserialize, Serialize};

use super::records::{self, Records};
use crate::paths::{self, SourceId};

/// A log as a run finds it.
#[derive(Clone, Copy, Debug)]
pub struct FoundLog<'a> {
    /// Any partition of the log.
    pub source: &'a SourceId,
    /// The partitions that the log has now.
    pub partitions: &'a [u32],
    /// The namespace under which it was reached.
    pub namespace: &'a str,
}

/// A further name of a namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FurtherName {
    namespace: String,
    known_as: String,
}

impl Records {
    /// The namespace that the lake knows a log by: the one of its origins, or the found one for a log that is new to
    /// the lake.
    ///
    /// With `known_as`, an operator states that the found log is the one that the lake knows by that name. Then the
    /// found name is recorded, provided that creation time and partitions agree; later runs need no such statement.
    ///
    /// # Errors
    /// [`Error::Foreign`] if the lake knows the log by another name and this one is not recorded. With `known_as`, also
    /// if it can't be the log of that name.
    pub async fn known_namespace(
        &self,
        found: FoundLog<'_>,
        known_as: Option<&str>,
    ) -> Result<String, Error> {
        let FoundLog { source, partitions, namespace } = found;
        let Some((known, begun)) = self.begun(source).await? else {
            return match known_as {
                Some(known_as) if !known_as.eq_ignore_ascii_case(namespace) => {
                    Err(self.unknown_log(found, known_as).await?)
                }
                _ => Ok(namespace.to_owned()),
            };
        };
        let path = paths::further_name(source, namespace);
        if known.eq_ignore_ascii_case(namespace) || self.get::<FurtherName>(&path).await?.is_some() {
            return Ok(known);
        }
        let Some(known_as) = known_as else {
            return Err(Error::Foreign { log: source.clone(), known, namespace: namespace.to_owned() });
        };
        if !known.eq_ignore_ascii_case(known_as) {
            return Err(Error::OtherName { log: source.clone(), known, known_as: known_as.to_owned() });
        }
        if let Some(missing) = begun.iter().find(|partition| !partitions.contains(partition)) {
            return Err(Error::Partitions { namespace: namespace.to_owned(), known, missing: *missing });
        }
        let ours = FurtherName { namespace: namespace.to_owned(), known_as: known.clone() };
        self.put_once(&path, ours).await?;
        Ok(known)
    }

    /// The namespace of a log's origins, and the partitions of its first start. `None` before the first origin.
    async fn begun(&self, source: &SourceId) -> Result<Option<(String, Vec<u32>)>, Error> {
        let Some(first_start) = self.first_start(source).await? else { return Ok(None) };
        for partition in &first_start.partitions {
            if let Some(origin) = self.origin(&source.of_partition(*partition)).await? {
                return Ok(Some((origin.namespace, first_start.partitions)));
            }
        }
        Ok(None)
    }

    /// The error about a log that the lake does not have, with the generations of that name that it has.
    async fn unknown_log(&self, found: FoundLog<'_>, known_as: &str) -> Result<Error, Error> {
        let listed = self.list(&paths::first_start_folder()).await?;
        let same_name =
            listed.iter().filter(|path| paths::is_first_start_of_other_generation(path, found.source));
        let others: Vec<&str> = same_name.filter_map(|path| path.filename()).collect();
        let others = match others.as_slice() {
            [] => "nothing".to_owned(),
            _ => others.join(", "),
        };
        Ok(Error::OtherLog {
            log: found.source.clone(),
            namespace: found.namespace.to_owned(),
            known_as: known_as.to_owned(),
            others,
        })
    }
}

/// A log whose name does not agree with the lake's records.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A record could not be read or put.
    #[error("read the lake's records")]
    Record(#[from] records::Error),
    /// The lake knows the log by another name.
    #[error(
        "the lake has events of {log} from the namespace {known:?}, but this run reads {namespace:?}: if both are names \
         of the same namespace (an alias, a private endpoint, a failover), run once with --known-as {known}; \
         otherwise use another lake, because the events of two logs can't share a source"
    )]
    Foreign {
        /// The log.
        log: SourceId,
        /// The name in the lake.
        known: String,
        /// The name of this run.
        namespace: String,
    },
    /// The lake knows the log by neither name.
    #[error(
        "the lake has events of {log} from the namespace {known:?}, not from {known_as:?}: give --known-as {known}"
    )]
    OtherName {
        /// The log.
        log: SourceId,
        /// The name in the lake.
        known: String,
        /// The name that the operator gave.
        known_as: String,
    },
    /// The log is not the one that the lake knows: it was created at another time.
    #[error(
        "{namespace:?} is not another name of {known_as:?}: the lake has no events of {log}, whose name contains the \
         creation time of the log (Unix milliseconds); of this name it has {others}. A log that was created at another \
         time is another log: leave out --known-as to read it as a new one"
    )]
    OtherLog {
        /// The log as it was found.
        log: SourceId,
        /// The name of this run.
        namespace: String,
        /// The name that the operator gave.
        known_as: String,
        /// The records of the first starts of other generations.
        others: String,
    },
    /// The log lacks a partition that the known one had.
    #[error(
        "{namespace:?} is not another name of {known:?}: the log lacks partition {missing}, which was there at the \
         lake's first start"
    )]
    Partitions {
        /// The name of this run.
        namespace: String,
        /// The name in the lake.
        known: String,
        /// The first missing partition.
        missing: u32,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::first_start::{Beginning, FirstStart};
    use crate::lake::fixtures::fast_backoff;
    use crate::lake::records::Origin;
    use crate::ordinals::Ordinal;
    use crate::store::Store;

    const CREATED: i64 = 1_763_800_000_000;
    const KNOWN: &str = "contoso.servicebus.windows.net";
    const ALIAS: &str = "alias.servicebus.windows.net";

    /// A lake that has read two partitions of a log under one name, in a run that ended before the first origin was
    /// recorded.
    async fn lake() -> Records {
        let records = Records::new(Store::in_memory(), fast_backoff());
        let ours = FirstStart { partitions: vec![0, 1], from: Beginning::Earliest };
        records.record_first_start(&log(CREATED), ours).await.unwrap();
        let origin = Origin { first: Ordinal::new(0), routing_version: 1, namespace: KNOWN.to_owned() };
        records.record_origin(&log(CREATED).of_partition(1), origin).await.unwrap();
        records
    }

    fn log(created: i64) -> SourceId {
        SourceId::new("orders", created, 0)
    }

    async fn check(
        records: &Records,
        (created, partitions, namespace): (i64, &[u32], &str),
        known_as: Option<&str>,
        expected: Result<&str, &str>,
    ) {
        let source = log(created);
        let found = FoundLog { source: &source, partitions, namespace };
        match (records.known_namespace(found, known_as).await, expected) {
            (Ok(known), Ok(expected)) => assert_eq!(known, expected),
            (Err(error), Err(words)) => assert!(error.to_string().contains(words), "{error}"),
            (known, expected) => panic!("{known:?}, expected {expected:?}"),
        }
    }

    #[tokio::test]
    async fn further_name_counts_once_an_operator_has_stated_it() {
        let records = lake().await;
        let hub = (CREATED, &[0, 1, 2][..], ALIAS);
        check(&records, hub, None, Err("run once with --known-as contoso.servicebus.windows.net")).await;
        check(&records, hub, Some("Contoso.servicebus.windows.net"), Ok(KNOWN)).await;
        check(&records, hub, None, Ok(KNOWN)).await;
        check(&records, (CREATED, &[0, 1], "ALIAS.servicebus.windows.net"), None, Ok(KNOWN)).await;
        check(&records, (CREATED, &[0, 1], KNOWN), None, Ok(KNOWN)).await;
        check(&records, (CREATED, &[0, 1], "third.example"), None, Err("--known-as contoso")).await;
    }

    #[tokio::test]
    async fn another_log_does_not_get_the_name() {
        let records = lake().await;
        let started = format!("orders-{CREATED}.json");
        check(&records, (CREATED + 1, &[0, 1], ALIAS), Some(KNOWN), Err(&started)).await;
        check(&records, (CREATED, &[0], ALIAS), Some(KNOWN), Err("lacks partition 1")).await;
        check(&records, (CREATED, &[0, 1], ALIAS), Some("other.example"), Err("give --known-as contoso"))
            .await;
        check(&records, (CREATED, &[0, 1], ALIAS), None, Err("--known-as")).await;
    }

    #[tokio::test]
    async fn log_that_is_new_to_the_lake_keeps_its_name() {
        let records = Records::new(Store::in_memory(), fast_backoff());
        check(&records, (CREATED, &[0], ALIAS), None, Ok(ALIAS)).await;
        check(&records, (CREATED, &[0], ALIAS), Some(ALIAS), Ok(ALIAS)).await;
        check(&records, (CREATED, &[0], ALIAS), Some(KNOWN), Err("of this name it has nothing")).await;
    }
}
