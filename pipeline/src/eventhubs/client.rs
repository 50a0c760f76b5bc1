//! One event hub, over two AMQP connections: one for questions and for sending, and one that events come in on.
//!
//! Owns: the connections, their authorisation, and what the hub says of itself. Does not own: the links that carry
//! events (`inbound`, `receiver`, `sender`).

use std::sync::Arc;
use std::time::Duration;

use fe2o3_amqp::Connection;
use fe2o3_amqp::connection::ConnectionHandle;
use fe2o3_amqp::sasl_profile::SaslProfile;
use fe2o3_amqp_types::definitions::Fields;
use fe2o3_amqp_types::primitives::{SimpleValue, Symbol, Value};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::timeout;
use uuid::Uuid;

use super::cbs::{Authorisation, TokenLife};
use super::inbound::{self, Patience};
use super::names::{
    BEGIN_SEQUENCE_NUMBER, CBS, CREATED_AT, EVENT_HUB, EVENT_HUB_PARTITION, IS_EMPTY, LAST_OFFSET,
    LAST_SEQUENCE_NUMBER, LAST_TIME, MANAGEMENT, NAME, OPERATION, PARTITION, PARTITION_IDS, READ,
    SECURITY_TOKEN, TYPE,
};
use super::requests::Requests;
use super::{ConnectionString, Error, PartitionReceiver, ReceiveOptions, Sender};
use crate::budget::Share;
use crate::position::{Generation, PartitionId, SequenceNumber};

/// One event hub, authorised for as long as this lives.
#[derive(Debug)]
pub struct Client {
    to: ConnectionString,
    hub: String,
    /// The connection's name, a prefix of its links' names.
    name: String,
    life: TokenLife,
    pub(super) patience: Patience,
    /// Opened for the first partition, and again when it is gone.
    inbound: Mutex<Option<Arc<inbound::Connection>>>,
    // Links go before the connection they are on.
    management: Mutex<Option<Arc<Requests>>>,
    authorisation: Authorisation,
    pub(super) connection: Mutex<ConnectionHandle<()>>,
}

/// What a hub says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubProperties {
    /// Its name, as the hub spells it.
    pub name: String,
    /// When it was created.
    pub generation: Generation,
    /// Its partitions, in ascending order.
    pub partitions: Vec<PartitionId>,
}

/// What a hub says of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionProperties {
    /// The first sequence number it still has; -1 when it never had one.
    pub begin: SequenceNumber,
    /// The last sequence number it gave; -1 when it never gave one.
    pub last: SequenceNumber,
    /// The offset of that event.
    pub last_offset: String,
    /// When that event was taken in, unix milliseconds.
    pub last_enqueued_time_ms: i64,
    /// It holds no event now.
    pub is_empty: bool,
}

impl Client {
    /// Connects, and opens the event hub the connection string names. `client_name` is for the hub's logs.
    pub async fn connect(connection_string: &ConnectionString, client_name: &str) -> Result<Self, Error> {
        Self::connect_with(connection_string, client_name, TokenLife::DEFAULT).await
    }

    pub(super) async fn connect_with(
        to: &ConnectionString,
        client_name: &str,
        life: TokenLife,
    ) -> Result<Self, Error> {
        let hub = to.event_hub().ok_or(Error::NoEventHub)?.to_owned();
        if !to.is_development() {
            return Err(Error::NeedsTls(to.namespace().to_owned()));
        }
        let name = connection_name(client_name);
        let mut connection = timeout(PATIENCE, open(to, &name))
            .await
            .unwrap_or_else(|_| Err(Error::lost(&to.to_string(), "no connection came about in time")))?;
        let audience = audience(to, &hub);
        let requests = Requests::open(&mut connection, CBS, &name, Patience::DEFAULT).await?;
        let authorisation = Authorisation::begin(requests, audience, to.credential().clone(), life).await?;
        Ok(Self {
            to: to.clone(),
            hub,
            name,
            life,
            patience: Patience::DEFAULT,
            inbound: Mutex::new(None),
            management: Mutex::new(None),
            authorisation,
            connection: Mutex::new(connection),
        })
    }

    /// What the hub says of itself.
    pub async fn hub(&self) -> Result<HubProperties, Error> {
        let subject = format!("event hub {}", self.hub);
        let answer = Answer::new(self.read(&subject, EVENT_HUB, None).await?, &subject)?;
        Ok(HubProperties {
            name: answer.text(NAME)?,
            generation: Generation(answer.time(CREATED_AT)?),
            partitions: answer.partitions()?,
        })
    }

    /// What the hub says of one partition.
    pub async fn partition(&self, id: PartitionId) -> Result<PartitionProperties, Error> {
        let subject = format!("partition {id} of {}", self.hub);
        let answer = Answer::new(self.read(&subject, EVENT_HUB_PARTITION, Some(id)).await?, &subject)?;
        Ok(PartitionProperties {
            begin: SequenceNumber(answer.long(BEGIN_SEQUENCE_NUMBER)?),
            last: SequenceNumber(answer.long(LAST_SEQUENCE_NUMBER)?),
            last_offset: answer.text(LAST_OFFSET)?,
            last_enqueued_time_ms: answer.time(LAST_TIME)?,
            is_empty: answer.truth(IS_EMPTY)?,
        })
    }

    /// Begins to read a partition. `partition_share` is how many bytes of `share` its credit may stand for.
    ///
    /// # Errors
    /// `PositionLost` when the hub refuses the start; `OwnershipLost` when a reader of a higher owner level has it.
    pub async fn receive(
        &self,
        partition: PartitionId,
        options: ReceiveOptions,
        share: Arc<Share>,
        partition_share: usize,
    ) -> Result<PartitionReceiver, Error> {
        let connection = self.inbound().await?;
        PartitionReceiver::attach(&connection, &self.hub, partition, &options, share, partition_share).await
    }

    /// Opens a link to send on: to one partition, or to whichever the hub picks.
    pub async fn sender(&self, partition: Option<PartitionId>) -> Result<Sender, Error> {
        let mut connection = self.connection.lock().await;
        Sender::attach(&mut connection, &self.hub, partition).await
    }

    /// Ends the connection, and every link that is still on it.
    pub async fn close(self) {
        let Self { inbound, management, authorisation, connection, .. } = self;
        drop((management, authorisation));
        if let Some(inbound) = inbound.into_inner().and_then(Arc::into_inner) {
            inbound.close().await;
        }
        // A hub that does not answer is left without its answer: nothing depends on it.
        let _ = timeout(GOODBYE, connection.into_inner().close()).await;
    }

    /// The connection that events come in on.
    async fn inbound(&self) -> Result<Arc<inbound::Connection>, Error> {
        let mut inbound = self.inbound.lock().await;
        if let Some(open) = inbound.as_ref().filter(|connection| connection.is_open()) {
            return Ok(Arc::clone(open));
        }
        let Self { to, hub, life, patience, .. } = self;
        let opening = async {
            let stream = connect(to).await?;
            let name = connection_name(&self.name[..self.name.len().min(CLIENT_NAME_LENGTH)]);
            inbound::Connection::open(stream, to, &name, audience(to, hub), *life, *patience).await
        };
        let opened = timeout(PATIENCE, opening)
            .await
            .unwrap_or_else(|_| Err(Error::lost(&to.to_string(), "no connection came about in time")))?;
        Ok(Arc::clone(inbound.insert(Arc::new(opened))))
    }

    #[cfg(test)]
    pub(super) fn token(&self) -> String {
        self.authorisation.token()
    }

    /// Asks the management node about the hub or one of its partitions.
    async fn read(&self, subject: &str, kind: &str, partition: Option<PartitionId>) -> Result<Value, Error> {
        let text = |text: &str| SimpleValue::String(text.to_owned());
        let mut properties = vec![
            (OPERATION, text(READ)),
            (NAME, text(&self.hub)),
            (TYPE, text(kind)),
            (SECURITY_TOKEN, SimpleValue::String(self.authorisation.token())),
        ];
        if let Some(partition) = partition {
            properties.push((PARTITION, SimpleValue::String(partition.to_string())));
        }
        self.management().await?.ask(subject, &properties, Value::Null).await
    }

    /// The links to the management node: opened for the first question, and again when the hub has ended them. The lock is
    /// not held while somebody waits for an answer.
    async fn management(&self) -> Result<Arc<Requests>, Error> {
        let mut management = self.management.lock().await;
        if let Some(open) = management.as_ref().filter(|requests| requests.is_open()) {
            return Ok(Arc::clone(open));
        }
        let mut connection = self.connection.lock().await;
        let opening = Requests::open(&mut connection, MANAGEMENT, &self.name, self.patience);
        let opened = timeout(PATIENCE, opening)
            .await
            .unwrap_or_else(|_| Err(Error::lost(MANAGEMENT, "the hub does not answer")))?;
        Ok(Arc::clone(management.insert(Arc::new(opened))))
    }
}

/// The map that a READ is answered with.
struct Answer<'a> {
    members: Vec<(String, Value)>,
    subject: &'a str,
}

impl<'a> Answer<'a> {
    fn new(answer: Value, subject: &'a str) -> Result<Self, Error> {
        let Value::Map(map) = answer else {
            return Err(Error::Answer { subject: subject.to_owned(), what: "map" });
        };
        let text = |(key, value)| match key {
            Value::String(key) | Value::Symbol(Symbol(key)) => Some((key, value)),
            _ => None,
        };
        Ok(Self { members: map.into_iter().filter_map(text).collect(), subject })
    }

    fn get<T>(&self, name: &'static str, read: impl Fn(&Value) -> Option<T>) -> Result<T, Error> {
        let found = self.members.iter().find(|(key, _)| key == name);
        found
            .and_then(|(_, value)| read(value))
            .ok_or_else(|| Error::Answer { subject: self.subject.to_owned(), what: name })
    }

    fn text(&self, name: &'static str) -> Result<String, Error> {
        self.get(name, |value| match value {
            Value::String(text) => Some(text.clone()),
            _ => None,
        })
    }

    fn long(&self, name: &'static str) -> Result<i64, Error> {
        self.get(name, |value| match value {
            Value::Long(number) => Some(*number),
            _ => None,
        })
    }

    fn time(&self, name: &'static str) -> Result<i64, Error> {
        self.get(name, |value| match value {
            Value::Timestamp(time) => Some(time.milliseconds()),
            _ => None,
        })
    }

    fn truth(&self, name: &'static str) -> Result<bool, Error> {
        self.get(name, |value| match value {
            Value::Bool(truth) => Some(*truth),
            _ => None,
        })
    }

    fn partitions(&self) -> Result<Vec<PartitionId>, Error> {
        let id = |value: &Value| match value {
            Value::String(id) => id.parse().ok().map(PartitionId),
            _ => None,
        };
        let mut ids: Vec<PartitionId> = self.get(PARTITION_IDS, |value| match value {
            Value::Array(ids) => ids.0.iter().map(id).collect(),
            Value::List(ids) => ids.iter().map(id).collect(),
            _ => None,
        })?;
        ids.sort_unstable();
        Ok(ids)
    }
}

/// A token for the hub covers what is below it: consumer groups, partitions, management.
fn audience(to: &ConnectionString, hub: &str) -> String {
    format!("sb://{}/{hub}", to.host())
}

/// A stream of our own: the library's would wait for full packets.
async fn connect(to: &ConnectionString) -> Result<TcpStream, Error> {
    let unreachable = |source| Error::Unreachable { address: format!("{}:{}", to.host(), to.port()), source };
    let stream = TcpStream::connect((to.host(), to.port())).await.map_err(unreachable)?;
    stream.set_nodelay(true).map_err(unreachable)?;
    Ok(stream)
}

async fn open(to: &ConnectionString, name: &str) -> Result<ConnectionHandle<()>, Error> {
    let stream = connect(to).await?;
    let mut properties = Fields::new();
    properties.insert(Symbol::from("product"), Value::String("catchwater".to_owned()));
    properties.insert(Symbol::from("version"), Value::String(env!("CARGO_PKG_VERSION").to_owned()));
    Connection::builder()
        .container_id(name)
        .hostname(to.host())
        .max_frame_size(MAX_FRAME_SIZE)
        .channel_max(CHANNEL_MAX)
        .idle_time_out(IDLE_TIME_OUT_MS)
        .properties(properties)
        .sasl_profile(SaslProfile::Anonymous)
        .open_with_stream(stream)
        .await
        .map_err(|error| Error::open(to, error))
}

/// A name of its own, short: the library cuts an Open of more than 508 bytes into invalid frames.
fn connection_name(client_name: &str) -> String {
    let client_name: String = client_name.chars().take(CLIENT_NAME_LENGTH).collect();
    format!("{client_name}-{}", Uuid::new_v4().simple())
}

/// Characters of a client's name that are told to the hub; the host's name may take 255 bytes of the 508.
const CLIENT_NAME_LENGTH: usize = 30;
/// The service's own figure. An event of 1 MiB is 16 frames.
const MAX_FRAME_SIZE: u32 = 65_536;
/// The service's own figure: one session per partition, and hubs may have 1,024.
const CHANNEL_MAX: u16 = 4_999;
/// A hub that is silent for so long is gone. It is told half of it, and sends an empty frame in time.
const IDLE_TIME_OUT_MS: u32 = 60_000;
/// For the TCP connection and the opening of AMQP on it.
const PATIENCE: Duration = Duration::from_mins(1);
/// For the answer to a Close.
const GOODBYE: Duration = Duration::from_secs(5);
