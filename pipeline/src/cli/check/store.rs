//! Checks of a store: its address, its container, and what a run does with objects.
//!
//! Owns: the probe, an object that is removed again, with the folders that it needed. Does not own: the store (`sinks`).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use catchwater_sinks::error_chain::error_chain;
use catchwater_sinks::paths::RECORDS_FOLDER;
use catchwater_sinks::store::{Address, Error, Key, Kind, NewFolders, Put, Store, StoreOptions};

use super::line::{Line, Outcome};
use crate::cli::options::LakeOptions;
use crate::cli::process::Stop;
use crate::clock::{Clock as _, SystemClock, UnixMillis};

/// The checks of a store.
#[derive(Debug)]
pub(super) struct StoreCheck {
    pub(super) lines: Vec<Line>,
    /// The time of the probe, by the store's clock and by ours.
    pub(super) put_time: Option<PutTime>,
}

/// The time of a put.
#[derive(Clone, Copy, Debug)]
pub(super) struct PutTime {
    /// By our clock, before the request.
    pub(super) before: UnixMillis,
    /// By the store's clock.
    pub(super) stated: UnixMillis,
    /// By our clock, after the answer.
    pub(super) after: UnixMillis,
}

/// Checks the lake, and the state if it is another place. A request to stop ends the checks, after the probes are
/// removed.
pub(super) async fn check_all(lake: &LakeOptions, settings: &StoreOptions, stop: &Stop) -> Vec<StoreCheck> {
    let state = async {
        match &lake.state {
            Some(state) => Some(check("state", state, settings, stop.clone()).await),
            None => None,
        }
    };
    let (lake, state) = tokio::join!(check("lake", &lake.lake, settings, stop.clone()), state);
    [Some(lake), state].into_iter().flatten().collect()
}

async fn check(what: &'static str, address: &Address, settings: &StoreOptions, stop: Stop) -> StoreCheck {
    let mut probe = Probe::new(address);
    let ended = probe.attempt(settings, &stop).await;
    let removal = probe.remove().await;
    let mut report = Report { what, address, is_folder: probe.is_folder(), lines: Vec::new() };
    report.steps(ended);
    report.removal(&probe.key, removal);
    StoreCheck { lines: report.lines, put_time: probe.put_time.filter(|_| !report.is_folder) }
}

/// The checks of a store in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Address,
    Reach,
    Container,
    List,
    Write,
    ConditionalPut,
}

impl Step {
    const ALL: [Self; 6] =
        [Self::Address, Self::Reach, Self::Container, Self::List, Self::Write, Self::ConditionalPut];

    fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Reach => "reachable",
            Self::Container => "container",
            Self::List => "list",
            Self::Write => "write",
            Self::ConditionalPut => "conditional put",
        }
    }

    /// The check that an error of a request belongs to.
    fn of(self, error: &Error) -> Self {
        if error.is_missing_container() {
            Self::Container
        } else if self == Self::List && error.kind() == Kind::Unknown && !error.is_answer() {
            Self::Reach
        } else {
            self
        }
    }
}

/// An object that is put, read and removed.
#[derive(Debug)]
struct Probe {
    address: Address,
    key: Key,
    folders: Option<NewFolders>,
    store: Option<Store>,
    /// The check that is tried.
    step: Step,
    put_time: Option<PutTime>,
}

impl Probe {
    fn new(address: &Address) -> Self {
        let name = uuid::Uuid::new_v4().to_string();
        let key = Key::from_iter([RECORDS_FOLDER, "check", &name]);
        let folders = Some(NewFolders::above(&key, address));
        Self { address: address.clone(), key, folders, store: None, step: Step::Address, put_time: None }
    }

    fn is_folder(&self) -> bool {
        self.store.as_ref().is_some_and(Store::is_folder)
    }

    /// Tries each step. The error is missing after a request to stop, which waits for the answer to a put: the removal
    /// has to come after it.
    async fn attempt(&mut self, settings: &StoreOptions, stop: &Stop) -> Result<(), (Step, Option<Error>)> {
        let tried = self.requests(settings, stop).await;
        tried.map_err(|error| (error.as_ref().map_or(self.step, |error| self.step.of(error)), error))
    }

    async fn requests(&mut self, settings: &StoreOptions, stop: &Stop) -> Result<(), Option<Error>> {
        let store = Store::open(self.address.clone(), settings)?.with_request_timeout(REQUEST_LIMIT);
        let store = self.store.insert(store).clone();
        self.begin(Step::List, stop)?;
        store.list_folders(Some(&Key::from(RECORDS_FOLDER))).await?;
        self.begin(Step::Write, stop)?;
        let before = SystemClock.now();
        store.put_if_absent(&self.key, PROBE).await?;
        let stated = store.put_time(&self.key).await?;
        self.put_time =
            stated.map(|stated| PutTime { before, stated: millis(stated), after: SystemClock.now() });
        self.begin(Step::ConditionalPut, stop)?;
        let second = store.put_if_absent(&self.key, Bytes::new()).await?;
        // The first put may have been retried; the object that it left decides.
        let read = store.get(&self.key).await?;
        if second == Put::Created || read.as_ref() != Some(&PROBE) {
            return Err(Some(Error::PutsReplace));
        }
        Ok(())
    }

    fn begin(&mut self, step: Step, requests: &Stop) -> Result<(), Option<Error>> {
        if requests.exit().is_some() {
            return Err(None);
        }
        self.step = step;
        Ok(())
    }

    /// Removes the probe, if it may exist, and the folders that it needed.
    async fn remove(&mut self) -> Option<Result<(), Error>> {
        let removal = match &self.store {
            Some(store) if self.step >= Step::Write => Some(store.remove(&self.key).await),
            _ => None,
        };
        if let Some(folders) = self.folders.take() {
            folders.remove();
        }
        removal
    }
}

/// The lines about one store.
#[derive(Debug)]
struct Report<'a> {
    what: &'static str,
    address: &'a Address,
    is_folder: bool,
    lines: Vec<Line>,
}

impl Report<'_> {
    fn add(&mut self, name: &str, outcome: Outcome) {
        self.lines.push(Line::new(format!("{} {name}", self.what), outcome));
    }

    /// A line for each check; an error is missing if the checks were interrupted.
    fn steps(&mut self, ended: Result<(), (Step, Option<Error>)>) {
        let (failed, mut error) = match ended {
            Ok(()) => (None, None),
            Err((step, error)) => (Some(step), Some(error)),
        };
        for step in Step::ALL {
            // A folder of this machine has neither.
            if self.is_folder && matches!(step, Step::Reach | Step::Container) {
                continue;
            }
            let outcome = match failed {
                Some(failed) if failed == step => match error.take().flatten() {
                    Some(error) => Outcome::Failed(self.with_address(error)),
                    None => Outcome::interrupted(),
                },
                Some(failed) if failed < step => Outcome::needs(&format!("{} {}", self.what, failed.name())),
                _ => Outcome::Ok(self.detail(step)),
            };
            self.add(step.name(), outcome);
        }
    }

    fn removal(&mut self, probe: &Key, removal: Option<Result<(), Error>>) {
        let outcome = match removal {
            None => return,
            Some(Ok(())) => Outcome::Ok("nothing stays".to_owned()),
            // A run never removes an object of a lake.
            Some(Err(error)) => Outcome::Note(format!(
                "the probe {probe} may be left: remove it by hand; a run needs no right to remove: {}",
                error_chain(&error)
            )),
        };
        self.add("removal", outcome);
    }

    fn detail(&self, step: Step) -> String {
        match step {
            Step::Address => self.address.to_string(),
            Step::Reach => "the store answers".to_owned(),
            Step::Container => "it exists".to_owned(),
            Step::List => "the folder of records was listed".to_owned(),
            Step::Write => "a probe was put and read".to_owned(),
            Step::ConditionalPut => "a second put of the same name was refused".to_owned(),
        }
    }

    /// The error, with the address that its text lacks.
    fn with_address(&self, error: Error) -> anyhow::Error {
        anyhow::Error::from(error).context(format!("{} {}", self.what, self.address))
    }
}

fn millis(time: SystemTime) -> UnixMillis {
    UnixMillis::new(time.duration_since(UNIX_EPOCH).map_or(0, |age| age.as_millis() as i64))
}

/// The contents of a probe.
const PROBE: Bytes = Bytes::from_static(b"catchwater check");

/// Limit on one request. A store that does not answer is found by the first, and the removal of the probe is the second.
const REQUEST_LIMIT: Duration = Duration::from_secs(4);
