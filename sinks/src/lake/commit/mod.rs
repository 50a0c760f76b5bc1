//! Commit of a closed file: executes the steps of [`super::chain`] on a store.
//!
//! Owns retries, and the comparison of a found footer with ours. Does not own the decisions, or the restart of a source
//! after a conflict.

#[cfg(any(test, feature = "test-util"))]
pub mod suite; // the checks of commits on every store

use crate::store::Key;
use bytes::Bytes;

use super::chain::{Answer, Chain, Step, Violation};
use crate::backoff::{Attempts, Backoff, Retryable};
use crate::ordinals::Ordinal;
use crate::parquet::{self, FooterFacts, read_facts};
use crate::store::{self, Kind, Put, Store};

/// Outcome of the commit of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitOutcome {
    /// The file's rows are durable in the lake, whichever writer put them.
    Durable {
        /// Its last row.
        last: Ordinal,
    },
    /// Another file has the name: drop the source's rows from memory and restart it from its checkpoint. A new chain
    /// may begin at `last`, which the footer proves.
    Conflict {
        /// The last row of the other file.
        last: Ordinal,
    },
}

/// Commits a file with the footer `facts`, and returns once the outcome is known.
///
/// A caller that drops the future must also drop the chain: the put may be in flight. The lake stays correct.
///
/// # Errors
/// [`Error::kind`] is `Unknown` if the store did not answer within the attempts of `backoff`. The next start then finds
/// out whether the file exists.
pub async fn commit_file(
    store: &Store,
    chain: &mut Chain,
    facts: &FooterFacts,
    bytes: Bytes,
    backoff: &Backoff,
) -> Result<CommitOutcome, Error> {
    let file = File::from_facts(facts);
    let broken = |source| Error::Violation { path: file.path.to_string(), source };
    name_continues_chain(facts.continues_at, chain.next(), &file.path)?;
    let mut attempts = backoff.attempts();
    let mut step = chain.begin_commit(facts.first, facts.last).map_err(broken)?;
    let mut taken = false;
    loop {
        let answer = match step {
            Step::Put { .. } => file.put(store, bytes.clone(), &mut attempts).await?,
            Step::ReadFooter { .. } => file.read_footer(store, &mut attempts).await?,
            Step::Durable { last } => return Ok(CommitOutcome::Durable { last }),
            Step::Conflict { last } => return Ok(CommitOutcome::Conflict { last }),
        };
        // `Taken` may refer to another writer's put that was in flight and then failed.
        if taken && answer == Answer::Absent {
            attempts.wait_after(Error::TakenAndAbsent { path: file.path.to_string() }).await?;
        }
        taken = answer == Answer::Taken;
        step = chain.advance(answer).map_err(broken)?;
    }
}

/// Failed commit of a file; see [`Error::kind`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The store refused a request, or did not answer in time.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The object under the name can't be read.
    #[error("could not read the footer of {path:?}")]
    Footer {
        /// The name.
        path: String,
        /// The cause.
        #[source]
        source: Box<parquet::Error>,
    },
    /// The store reports a name as taken and as absent.
    #[error(
        "the store reports {path:?} as existing on a put and as missing on a read: if a folder has that name, remove it"
    )]
    TakenAndAbsent {
        /// The name.
        path: String,
    },
    /// A file of another lake, another destination or other rules.
    #[error("{path:?} differs from this run: its {fact} is {theirs}, and ours is {ours}")]
    Mismatch {
        /// The name.
        path: String,
        /// The fact that differs.
        fact: &'static str,
        /// Its value in the footer that was found.
        theirs: String,
        /// Its value in this run's footer.
        ours: String,
    },
    /// A file that was closed for another position in its chain.
    #[error("{path:?} was closed to continue at {continues_at}, but its chain continues at {next}")]
    WrongName {
        /// The name.
        path: String,
        /// The position in the footer.
        continues_at: Ordinal,
        /// The position of the chain.
        next: Ordinal,
    },
    /// A violated invariant of the protocol.
    #[error("the commit of {path:?} violates the commit protocol")]
    Violation {
        /// The file being committed.
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
            Self::Mismatch { .. } | Self::WrongName { .. } | Self::Violation { .. } => Kind::Fatal,
        }
    }
}

impl Retryable for Error {
    fn is_transient(&self) -> bool {
        self.kind() == Kind::Unknown
    }
}

/// The file being committed: its name and its facts.
struct File<'a> {
    facts: &'a FooterFacts,
    path: Key,
}

impl<'a> File<'a> {
    fn from_facts(facts: &'a FooterFacts) -> Self {
        Self { facts, path: facts.data_file() }
    }

    /// Sends one conditional put. A missing answer becomes [`Answer::Unknown`] after the retry delay.
    async fn put(&self, store: &Store, bytes: Bytes, attempts: &mut Attempts<'_>) -> Result<Answer, Error> {
        match store.put_if_absent(&self.path, bytes).await {
            Ok(Put::Created) => Ok(Answer::Created),
            Ok(Put::Taken) => Ok(Answer::Taken),
            Err(error) => {
                attempts.wait_after(error).await?;
                Ok(Answer::Unknown)
            }
        }
    }

    async fn read_footer(&self, store: &Store, attempts: &mut Attempts<'_>) -> Result<Answer, Error> {
        match find_durable(store, &self.path).await {
            Ok(Some(found)) => {
                matches_ours(&self.path, Facts { ours: self.facts, found: &found })?;
                Ok(Answer::Footer { last: found.last })
            }
            Ok(None) => Ok(Answer::Absent),
            Err(error) => {
                attempts.wait_after(error).await?;
                Ok(Answer::Unknown)
            }
        }
    }
}

/// The facts of the file to be put, and of the one found under its name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    pub(super) ours: &'a FooterFacts,
    pub(super) found: &'a FooterFacts,
}

/// Reads the facts of a file and makes the file durable: its writer may have lost power before it synced.
pub(super) async fn find_durable(store: &Store, path: &Key) -> Result<Option<FooterFacts>, Error> {
    let unreadable = |source| Error::Footer { path: path.to_string(), source: Box::new(source) };
    let found = read_facts(store, path).await.map_err(unreadable)?;
    if found.is_some() {
        store.make_durable(path).await?;
    }
    Ok(found)
}

/// Checks that two files have the same lake, position and rules. Only then does the last row decide a commit; the
/// writer is not compared.
pub(super) fn matches_ours(path: &Key, Facts { ours, found }: Facts<'_>) -> Result<(), Error> {
    let (our_destination, their_destination) = (&ours.destination, &found.destination);
    let versions = [ours.routing_version, found.routing_version].map(|version| version.to_string());
    let [our_version, their_version] = &versions;
    for (fact, ours, theirs) in [
        ("lake", &ours.lake, &found.lake),
        ("table", &our_destination.table.to_string(), &their_destination.table.to_string()),
        ("date", &our_destination.date.to_string(), &their_destination.date.to_string()),
        ("source", &our_destination.source.to_string(), &their_destination.source.to_string()),
        ("position in its chain", &ours.continues_at.to_string(), &found.continues_at.to_string()),
        ("version of the routing rules", our_version, their_version),
    ] {
        if ours != theirs {
            let (ours, theirs) = (ours.clone(), theirs.clone());
            return Err(Error::Mismatch { path: path.to_string(), fact, theirs, ours });
        }
    }
    Ok(())
}

fn name_continues_chain(continues_at: Ordinal, next: Ordinal, path: &Key) -> Result<(), Error> {
    if continues_at == next {
        return Ok(());
    }
    Err(Error::WrongName { path: path.to_string(), continues_at, next })
}

#[cfg(test)]
mod tests;
