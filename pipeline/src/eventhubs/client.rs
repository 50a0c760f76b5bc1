//! One event hub, over two AMQP connections: one for requests and sending (fe2o3-amqp), and one that reads partitions.
//!
//! Owns: the connections, and the properties of the hub. Does not own: the links that carry events (`receiver`,
//! `sender`).

use std::sync::Arc;
use std::time::Duration;

use fe2o3_amqp::Connection;
use fe2o3_amqp::connection::ConnectionHandle;
use fe2o3_amqp::sasl_profile::SaslProfile;
use fe2o3_amqp_types::definitions::Fields;
use fe2o3_amqp_types::primitives::{SimpleValue, Symbol, Value};
use tokio::sync::Mutex;
use tokio::time::timeout;
use uuid::Uuid;

use super::access::HubAccess;
use super::address::Address;
use super::authorization::Authorization;
use super::authorized::{AuthorizedConnection, OpenOptions};
use super::connection::CHANNEL_MAX;
use super::credential::{TokenLife, TokenSource};
use super::error::Error;
use super::link::LinkBudget;
use super::names::{
    BEGIN_SEQUENCE_NUMBER, CBS, CREATED_AT, EVENT_HUB, EVENT_HUB_PARTITION, IS_EMPTY, LAST_OFFSET,
    LAST_SEQUENCE_NUMBER, LAST_TIME, MANAGEMENT, NAME, OPERATION, PARTITION, PARTITION_IDS, READ,
    SECURITY_TOKEN, TYPE,
};
use super::options::ReceiveOptions;
use super::receiver::PartitionReceiver;
use super::requests::Requests;
use super::sender::Sender;
use super::timeouts::Timeouts;
use super::transport;
use crate::amqp::MAX_FRAME_SIZE;
use crate::budget::Budget;
use crate::clock::Clock;
use crate::clock::UnixMillis;
use crate::position::{Generation, PartitionId, SequenceNumber};

/// One event hub, authorized until it is dropped.
#[derive(Debug)]
pub struct Client {
    access: HubAccess,
    hub: String,
    /// The container id, a prefix of the links' names.
    name: String,
    /// Tokens of all its connections.
    tokens: Arc<TokenSource>,
    pub(super) timeouts: Timeouts,
    /// Reads partitions. Opened for the first one, and again after it has ended.
    reading: Mutex<Option<Arc<AuthorizedConnection>>>,
    // Links are dropped before the connection they are on.
    management: Mutex<Option<Arc<Requests>>>,
    authorization: Authorization,
    pub(super) connection: Mutex<ConnectionHandle<()>>,
}

/// Properties of a hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubProperties {
    /// Its name, as the hub spells it.
    pub name: String,
    /// Its creation time.
    pub generation: Generation,
    /// Its partitions, in ascending order.
    pub partitions: Vec<PartitionId>,
}

/// Properties of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionProperties {
    /// The first sequence number it still has; -1 if it never had an event.
    pub begin: SequenceNumber,
    /// The last sequence number it assigned; -1 if it never had an event.
    pub last: SequenceNumber,
    /// The offset of the last event.
    pub last_offset: String,
    /// Time at which the hub accepted the last event, in Unix milliseconds.
    pub last_enqueued_time: UnixMillis,
    /// It holds no event.
    pub is_empty: bool,
}

impl Client {
    /// Connects to an event hub. `client_name` appears in the hub's logs.
    pub async fn connect(
        access: impl Into<HubAccess>,
        client_name: &str,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        Self::connect_with(access.into(), client_name, TokenLife::DEFAULT, clock).await
    }

    pub(super) async fn connect_with(
        access: HubAccess,
        client_name: &str,
        life: TokenLife,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let to = &access.address;
        let hub = to.event_hub().ok_or(Error::NoEventHub)?.to_owned();
        let name = connection_name(client_name);
        let mut connection =
            timeout(OPEN_TIMEOUT, open(&access, &name)).await.unwrap_or_else(|_| Err(open_timed_out(to)))?;
        let tokens = Arc::new(TokenSource::new(access.credential.clone(), audience(to, &hub), life, clock));
        let requests = Requests::open(&mut connection, CBS, &name, Timeouts::DEFAULT).await?;
        let authorization = Authorization::start(requests, Arc::clone(&tokens)).await?;
        Ok(Self {
            access,
            hub,
            name,
            tokens,
            timeouts: Timeouts::DEFAULT,
            reading: Mutex::new(None),
            management: Mutex::new(None),
            authorization,
            connection: Mutex::new(connection),
        })
    }

    /// Requests the properties of the hub.
    pub async fn hub(&self) -> Result<HubProperties, Error> {
        let subject = format!("event hub {}", self.hub);
        let properties = ResponseMap::new(self.read(&subject, EVENT_HUB, None).await?, &subject)?;
        Ok(HubProperties {
            name: properties.text(NAME)?,
            generation: Generation::new(properties.time(CREATED_AT)?),
            partitions: properties.partitions()?,
        })
    }

    /// Requests the properties of a partition.
    pub async fn partition(&self, id: PartitionId) -> Result<PartitionProperties, Error> {
        let subject = format!("partition {id} of {}", self.hub);
        let properties =
            ResponseMap::new(self.read(&subject, EVENT_HUB_PARTITION, Some(id)).await?, &subject)?;
        Ok(PartitionProperties {
            begin: SequenceNumber::new(properties.long(BEGIN_SEQUENCE_NUMBER)?),
            last: SequenceNumber::new(properties.long(LAST_SEQUENCE_NUMBER)?),
            last_offset: properties.text(LAST_OFFSET)?,
            last_enqueued_time: properties.time(LAST_TIME)?,
            is_empty: properties.boolean(IS_EMPTY)?,
        })
    }

    /// Starts to read a partition. Its credit is worth at most `credit_bytes` of `budget`.
    ///
    /// # Errors
    /// `PositionLost` if the hub refuses the start; `OwnershipLost` if a reader of a higher owner level has the
    /// partition.
    pub async fn receive(
        &self,
        partition: PartitionId,
        options: ReceiveOptions,
        budget: Arc<Budget>,
        credit_bytes: usize,
    ) -> Result<PartitionReceiver, Error> {
        let connection = self.reading().await?;
        let budget = LinkBudget { budget, credit_bytes };
        PartitionReceiver::attach(&connection, &self.hub, partition, &options, budget).await
    }

    /// Opens a link to send on: to one partition, or to partitions that the hub picks.
    pub async fn sender(&self, partition: Option<PartitionId>) -> Result<Sender, Error> {
        let mut connection = self.connection.lock().await;
        Sender::attach(&mut connection, &self.hub, partition).await
    }

    /// Closes both connections, and every link on them.
    pub async fn close(self) {
        let Self { reading, management, authorization, connection, .. } = self;
        drop((management, authorization));
        if let Some(reading) = reading.into_inner().and_then(Arc::into_inner) {
            reading.close().await;
        }
        // Nothing depends on the hub's answer.
        let _ = timeout(CLOSE_TIMEOUT, connection.into_inner().close()).await;
    }

    /// The connection that reads partitions.
    async fn reading(&self) -> Result<Arc<AuthorizedConnection>, Error> {
        let mut reading = self.reading.lock().await;
        if let Some(open) = reading.as_ref().filter(|connection| connection.is_open()) {
            return Ok(Arc::clone(open));
        }
        let Self { access, tokens, timeouts, .. } = self;
        let to = &access.address;
        let name = connection_name(&self.name[..self.name.len().min(CLIENT_NAME_LENGTH)]);
        let options = OpenOptions { access, name: &name, tokens, timeouts: *timeouts };
        let opened = timeout(OPEN_TIMEOUT, AuthorizedConnection::open(options))
            .await
            .unwrap_or_else(|_| Err(open_timed_out(to)))?;
        Ok(Arc::clone(reading.insert(Arc::new(opened))))
    }

    #[cfg(test)]
    pub(super) fn token(&self) -> String {
        self.authorization.token()
    }

    /// Sends a READ request for the hub or a partition to the management node.
    async fn read(&self, subject: &str, kind: &str, partition: Option<PartitionId>) -> Result<Value, Error> {
        let text = |text: &str| SimpleValue::String(text.to_owned());
        let mut properties = vec![
            (OPERATION, text(READ)),
            (NAME, text(&self.hub)),
            (TYPE, text(kind)),
            (SECURITY_TOKEN, SimpleValue::String(self.authorization.token())),
        ];
        if let Some(partition) = partition {
            properties.push((PARTITION, SimpleValue::String(partition.to_string())));
        }
        self.management().await?.send_request(subject, &properties, Value::Null).await
    }

    /// The links to the management node: opened for the first request, and again after the hub has ended them. The lock
    /// is not held while a request waits for its response.
    async fn management(&self) -> Result<Arc<Requests>, Error> {
        let mut management = self.management.lock().await;
        if let Some(open) = management.as_ref().filter(|requests| requests.is_open()) {
            return Ok(Arc::clone(open));
        }
        let mut connection = self.connection.lock().await;
        let opening = Requests::open(&mut connection, MANAGEMENT, &self.name, self.timeouts);
        let opened = timeout(OPEN_TIMEOUT, opening)
            .await
            .unwrap_or_else(|_| Err(Error::lost(MANAGEMENT, "the hub did not answer the attach")))?;
        Ok(Arc::clone(management.insert(Arc::new(opened))))
    }
}

/// The map in the response to a READ.
struct ResponseMap<'a> {
    members: Vec<(String, Value)>,
    subject: &'a str,
}

impl<'a> ResponseMap<'a> {
    fn new(response: Value, subject: &'a str) -> Result<Self, Error> {
        let Value::Map(map) = response else {
            return Err(Error::Response { subject: subject.to_owned(), what: "map" });
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
            .ok_or_else(|| Error::Response { subject: self.subject.to_owned(), what: name })
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

    fn time(&self, name: &'static str) -> Result<UnixMillis, Error> {
        self.get(name, |value| match value {
            Value::Timestamp(time) => Some(UnixMillis::new(time.milliseconds())),
            _ => None,
        })
    }

    fn boolean(&self, name: &'static str) -> Result<bool, Error> {
        self.get(name, |value| match value {
            Value::Bool(value) => Some(*value),
            _ => None,
        })
    }

    fn partitions(&self) -> Result<Vec<PartitionId>, Error> {
        let id = |value: &Value| match value {
            Value::String(id) => id.parse().ok().map(PartitionId::new),
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

/// The resource that a token is for. A token for the hub covers its consumer groups, partitions and management.
fn audience(to: &Address, hub: &str) -> String {
    format!("sb://{}/{hub}", to.host())
}

async fn open(access: &HubAccess, name: &str) -> Result<ConnectionHandle<()>, Error> {
    let to = &access.address;
    let stream = transport::dial(to, &access.transport).await?;
    let mut properties = Fields::new();
    properties.insert(Symbol::from("product"), Value::String("catchwater".to_owned()));
    properties.insert(Symbol::from("version"), Value::String(env!("CARGO_PKG_VERSION").to_owned()));
    Connection::builder()
        .container_id(name)
        .hostname(to.host())
        .max_frame_size(MAX_FRAME_SIZE)
        .channel_max(CHANNEL_MAX)
        .idle_time_out(Timeouts::DEFAULT.idle.as_millis() as u32)
        .properties(properties)
        .sasl_profile(SaslProfile::Anonymous)
        .open_with_stream(stream)
        .await
        .map_err(|error| Error::open(to, error))
}

fn open_timed_out(to: &Address) -> Error {
    Error::lost(&to.to_string(), "the connection was not opened in time")
}

/// A unique container id. Short: fe2o3-amqp cuts an Open of more than 508 bytes into invalid frames.
fn connection_name(client_name: &str) -> String {
    let client_name: String = client_name.chars().take(CLIENT_NAME_LENGTH).collect();
    format!("{client_name}-{}", Uuid::new_v4().simple())
}

/// Upper bound on the characters of a client's name in an Open; the host may take 255 of the 508 bytes.
const CLIENT_NAME_LENGTH: usize = 30;
/// Limit on opening a connection, and on attaching to the management node.
const OPEN_TIMEOUT: Duration = Duration::from_mins(1);
/// Limit on waiting for the hub's answer to a Close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
