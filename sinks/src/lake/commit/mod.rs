//! Commits a closed file: asks the store what [`super::chain`] wants to know, and waits where it must.
//!
//! Owns retries, and the facts that a file under the same name must share. Does not own the decision, or what happens to
//! a source after a conflict.

use bytes::Bytes;
use object_store::path::Path;

use super::chain::{Chain, Fact, Step, Violation};
use crate::backoff::{Attempts, Backoff, Retryable};
use crate::ordinals::Ordinal;
use crate::parquet::{self, FooterFacts, read_facts};
use crate::store::{self, Kind, Put, Store};

/// Outcome of the commit of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitOutcome {
    /// Its rows are in the lake and durable, whichever writer put them there.
    Durable {
        /// Its last row.
        last: Ordinal,
    },
    /// Another file has its name: drop what is in memory of the source, and start the source again from its
    /// checkpoint. A new chain may begin at `last`, which the footer proves.
    Conflict {
        /// The last row of the other file.
        last: Ordinal,
    },
}

/// Commits a file with the footer `facts`, and returns once the outcome is known.
///
/// Dropping the future is safe for the lake, but the chain has to be dropped with it: the put may be on its
/// way.
///
/// # Errors
/// [`Error::kind`] is `Unknown` when the store went without an answer for as long as `backoff` tries; whether
/// the file is there is then for the next start to find out.
pub async fn commit_file(
    store: &Store,
    chain: &mut Chain,
    facts: &FooterFacts,
    bytes: Bytes,
    backoff: &Backoff,
) -> Result<CommitOutcome, Error> {
    let file = File::of(facts);
    let broken = |source| Error::Violation { path: file.path.to_string(), source };
    the_name_is_the_chains(facts.continues_at, chain.next(), &file.path)?;
    let mut attempts = backoff.attempts();
    let mut step = chain.offer(facts.first, facts.last).map_err(broken)?;
    let mut taken = false;
    loop {
        let fact = match step {
            Step::Put { .. } => file.put(store, bytes.clone(), &mut attempts).await?,
            Step::ReadFooter { .. } => file.read_footer(store, &mut attempts).await?,
            Step::Durable { last } => return Ok(CommitOutcome::Durable { last }),
            Step::Conflict { last } => return Ok(CommitOutcome::Conflict { last }),
        };
        // "Taken" may have referred to a put of another writer that was in flight and failed.
        if taken && fact == Fact::Absent {
            attempts.wait_after(Error::TakenAndAbsent { path: file.path.to_string() }).await?;
        }
        taken = fact == Fact::Taken;
        step = chain.on(fact).map_err(broken)?;
    }
}

/// Failed commit of a file; see [`Error::kind`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store did not do what was asked, or gave no answer for too long.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The object under the name can't be read.
    #[error("could not read what stands under the name {path:?}")]
    Footer {
        /// The name.
        path: String,
        /// The cause.
        #[source]
        source: Box<parquet::Error>,
    },
    /// The store reports a name as taken and as absent.
    #[error("the store says that {path:?} is there and that it is not: is there a folder of that name?")]
    TakenAndAbsent {
        /// The name.
        path: String,
    },
    /// A file of another lake, another destination or other rules.
    #[error(
        "{path:?} was written by other rules or for another place: its {fact} is {theirs}, and ours is {ours}"
    )]
    Stranger {
        /// The name.
        path: String,
        /// The fact that differs.
        fact: &'static str,
        /// Its value in the footer that was found.
        theirs: String,
        /// Its value in this run's footer.
        ours: String,
    },
    /// A file that was closed for another place in its chain.
    #[error("{path:?} was closed to continue at {continues_at}, but its chain continues at {next}")]
    WrongName {
        /// The name.
        path: String,
        /// The position in the footer.
        continues_at: Ordinal,
        /// The position of the chain.
        next: Ordinal,
    },
    /// A broken invariant of the protocol.
    #[error("the chain of {path:?} is broken")]
    Violation {
        /// The file that was being committed.
        path: String,
        /// The invariant.
        #[source]
        source: Violation,
    },
}

impl Error {
    /// [`Kind::Unknown`] if a later attempt can succeed.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Footer { source, .. } => source.kind(),
            Self::TakenAndAbsent { .. } => Kind::Unknown,
            Self::Stranger { .. } | Self::WrongName { .. } | Self::Violation { .. } => Kind::Fatal,
        }
    }
}

impl Retryable for Error {
    fn is_transient(&self) -> bool {
        self.kind() == Kind::Unknown
    }
}

/// The file under commit: its name, and what whatever stands there must agree with.
struct File<'a> {
    facts: &'a FooterFacts,
    path: Path,
}

impl<'a> File<'a> {
    fn of(facts: &'a FooterFacts) -> Self {
        Self { facts, path: facts.data_file() }
    }

    /// One conditional request. No answer is a fact as well, once it has been waited out.
    async fn put(&self, store: &Store, bytes: Bytes, attempts: &mut Attempts<'_>) -> Result<Fact, Error> {
        match store.put_if_absent(&self.path, bytes).await {
            Ok(Put::Created) => Ok(Fact::Created),
            Ok(Put::Taken) => Ok(Fact::Taken),
            Err(error) => {
                attempts.wait_after(error).await?;
                Ok(Fact::Unknown)
            }
        }
    }

    async fn read_footer(&self, store: &Store, attempts: &mut Attempts<'_>) -> Result<Fact, Error> {
        match found(store, &self.path).await {
            Ok(Some(found)) => {
                is_of_our_kind(&self.path, Facts { ours: self.facts, found: &found })?;
                Ok(Fact::Footer { last: found.last })
            }
            Ok(None) => Ok(Fact::Absent),
            Err(error) => {
                attempts.wait_after(error).await?;
                Ok(Fact::Unknown)
            }
        }
    }
}

/// What a file says that was to be put, and what the one says that stands under its name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    pub(super) ours: &'a FooterFacts,
    pub(super) found: &'a FooterFacts,
}

/// A file that was found counts only once it is durable: its writer may have lost power before it synced.
pub(super) async fn found(store: &Store, path: &Path) -> Result<Option<FooterFacts>, Error> {
    let unreadable = |source| Error::Footer { path: path.to_string(), source: Box::new(source) };
    let found = read_facts(store, path).await.map_err(unreadable)?;
    if found.is_some() {
        store.make_durable(path).await?;
    }
    Ok(found)
}

/// The judgement by the last row rests on this: same lake, same place, same rules. Never the same writer.
pub(super) fn is_of_our_kind(path: &Path, Facts { ours, found }: Facts<'_>) -> Result<(), Error> {
    let (our_place, their_place) = (&ours.destination, &found.destination);
    let versions = [ours.routing_version, found.routing_version].map(|version| version.to_string());
    let [our_version, their_version] = &versions;
    for (fact, ours, theirs) in [
        ("lake", &ours.lake, &found.lake),
        ("table", &our_place.table.to_string(), &their_place.table.to_string()),
        ("date", &our_place.date.to_string(), &their_place.date.to_string()),
        ("source", &our_place.source.to_string(), &their_place.source.to_string()),
        ("place in its chain", &ours.continues_at.to_string(), &found.continues_at.to_string()),
        ("version of the routing rules", our_version, their_version),
    ] {
        if ours != theirs {
            let (ours, theirs) = (ours.clone(), theirs.clone());
            return Err(Error::Stranger { path: path.to_string(), fact, theirs, ours });
        }
    }
    Ok(())
}

fn the_name_is_the_chains(continues_at: Ordinal, next: Ordinal, path: &Path) -> Result<(), Error> {
    if continues_at == next {
        return Ok(());
    }
    Err(Error::WrongName { path: path.to_string(), continues_at, next })
}

#[cfg(test)]
mod tests;
