//! Clients of cloud stores, each behind a feature of this package.
//!
//! Owns: the client for an address and its settings; its timeouts and retries. Does not own: the meaning of its errors
//! (`error`).

use std::sync::Arc;
use std::time::Duration;

use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};

use super::address::{CloudLocation, Service};
use super::error::Error;
use super::options::{REQUEST_TIMEOUT, StoreOptions};

/// The objects below a location, and for Azure its blobs.
pub(super) struct Opened {
    pub(super) objects: Arc<dyn ObjectStore>,
    #[cfg(feature = "azure")]
    pub(super) blobs: Option<Arc<super::blob_metadata::BlobClient>>,
}

/// Opens the objects below a location. Sends no request.
pub(super) fn open(location: &CloudLocation, options: &StoreOptions) -> Result<Opened, Error> {
    let opened = match location.service {
        #[cfg(feature = "azure")]
        Service::Azure => {
            let (objects, blobs) = super::azure::open(location, options, azure_builder())?;
            Opened { objects, blobs }
        }
        #[cfg(feature = "aws")]
        Service::S3 => Opened::without_blobs(s3(location, options)?),
        #[cfg(feature = "gcp")]
        Service::Google => Opened::without_blobs(google(location, options)?),
        #[allow(unreachable_patterns, reason = "with all features each service has a client")]
        service => return Err(Error::NotBuilt { scheme: service.scheme(), feature: service.feature() }),
    };
    Ok(opened.below(&location.prefix))
}

impl Opened {
    #[cfg(any(feature = "aws", feature = "gcp"))]
    fn without_blobs(objects: Arc<dyn ObjectStore>) -> Self {
        Self {
            objects,
            #[cfg(feature = "azure")]
            blobs: None,
        }
    }

    /// The objects below a folder. The client of blobs has the folder already.
    fn below(mut self, folder: &Path) -> Self {
        if !folder.as_ref().is_empty() {
            self.objects = Arc::new(PrefixStore::new(self.objects, folder.clone()));
        }
        self
    }
}

#[cfg(feature = "azure")]
fn azure_builder() -> object_store::azure::MicrosoftAzureBuilder {
    object_store::azure::MicrosoftAzureBuilder::new().with_client_options(client()).with_retry(retries())
}

#[cfg(feature = "aws")]
fn s3(location: &CloudLocation, options: &StoreOptions) -> Result<Arc<dyn ObjectStore>, Error> {
    use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
    let mut builder = AmazonS3Builder::new().with_client_options(client()).with_retry(retries());
    for (name, value) in options.iter().filter(|(name, _)| name.starts_with("aws_")) {
        if let Ok(key) = name.parse::<AmazonS3ConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    for (name, value) in super::profile::settings(options)? {
        if let Ok(key) = name.parse::<AmazonS3ConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    let built = builder.with_url(&location.root).build();
    Ok(Arc::new(built.map_err(Error::settings(&location.root))?))
}

#[cfg(feature = "gcp")]
fn google(location: &CloudLocation, options: &StoreOptions) -> Result<Arc<dyn ObjectStore>, Error> {
    use object_store::gcp::{GoogleCloudStorageBuilder, GoogleConfigKey};
    let mut builder = GoogleCloudStorageBuilder::new().with_client_options(client()).with_retry(retries());
    for (name, value) in options.iter().filter(|(name, _)| name.starts_with("google_")) {
        if let Ok(key) = name.parse::<GoogleConfigKey>() {
            builder = builder.with_config(key, value);
        }
    }
    let built = builder.with_url(&location.root).build();
    Ok(Arc::new(built.map_err(Error::settings(&location.root))?))
}

/// The whole request may take as long as a request of any store; `object_store` would give up after 30 s, which is too
/// short for a file over a slow line.
fn client() -> ClientOptions {
    ClientOptions::new().with_timeout(REQUEST_TIMEOUT).with_connect_timeout(CONNECT_TIMEOUT)
}

/// Quick retries of a busy store, for all callers. A retried conditional put may find its own first attempt, so a
/// conflict is decided by the object under the name, as after a timeout.
fn retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig { init_backoff: FIRST_DELAY, max_backoff: MAX_DELAY, base: 2.0 },
        max_retries: RETRIES_MAX,
        retry_timeout: RETRY_TIMEOUT,
    }
}

/// Time limit of a connection: three round trips to the other side of the world, with packets lost.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Delay before the first retry.
const FIRST_DELAY: Duration = Duration::from_millis(100);

/// Upper bound of a delay.
const MAX_DELAY: Duration = Duration::from_secs(2);

/// Retries of one request; longer outages are for the caller's own attempts, which log them.
const RETRIES_MAX: usize = 3;

/// Time after which no further retry begins.
const RETRY_TIMEOUT: Duration = Duration::from_secs(30);
