//! A connection on fe2o3-amqp whose token is kept valid.
//!
//! Owns: opening and closing it. Does not own: the stream (`transport`), the links on it.

use std::sync::Arc;
use std::time::Duration;

use fe2o3_amqp::Connection;
use fe2o3_amqp::connection::ConnectionHandle;
use fe2o3_amqp::sasl_profile::SaslProfile;
use fe2o3_amqp_types::definitions::Fields;
use fe2o3_amqp_types::primitives::{Symbol, Value};
use tokio::time::timeout;

use super::cbs::CbsLinks;
use crate::amqp::MAX_FRAME_SIZE;
use crate::eventhubs::access::HubAccess;
use crate::eventhubs::authorization::Authorization;
use crate::eventhubs::connection::CHANNEL_MAX;
use crate::eventhubs::credential::TokenSource;
use crate::eventhubs::error::Error;
use crate::eventhubs::timeouts::Timeouts;
use crate::eventhubs::transport;

/// A connection for sending. Dropping it ends it.
#[derive(Debug)]
pub(in crate::eventhubs) struct SendingConnection {
    // The links to `$cbs` are dropped before the connection they are on.
    authorization: Authorization<CbsLinks>,
    pub(in crate::eventhubs) handle: ConnectionHandle<()>,
}

impl SendingConnection {
    /// Opens a connection and puts its first token. `name` is its container id.
    pub(in crate::eventhubs) async fn open(
        access: &HubAccess,
        tokens: Arc<TokenSource>,
        name: &str,
    ) -> Result<Self, Error> {
        let opening = async {
            let mut handle = open(access, name).await?;
            let links = CbsLinks::attach(&mut handle, name).await?;
            let authorization = Authorization::start(links, tokens).await?;
            Ok(Self { authorization, handle })
        };
        timeout(Timeouts::OPEN, opening)
            .await
            .unwrap_or_else(|_| Err(Error::opening_timed_out(&access.address)))
    }

    /// Closes the connection, and every link on it.
    pub(in crate::eventhubs) async fn close(self) {
        let Self { authorization, mut handle } = self;
        drop(authorization);
        // Nothing depends on the hub's answer.
        let _ = timeout(CLOSE_TIMEOUT, handle.close()).await;
    }
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

/// Limit on waiting for the hub's answer to a Close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
