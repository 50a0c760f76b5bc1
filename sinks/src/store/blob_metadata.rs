//! Blobs of Azure whose state is in their metadata.
//!
//! Owns: their operations, and the two requests that `object_store` does not send, Set Blob Metadata and List Blobs with
//! metadata. Does not own: credentials and connections, which are those of `object_store`, or the meaning of metadata.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use object_store::azure::{AzureAuthorizer, AzureCredentialProvider};
use object_store::client::{
    HttpClient, HttpConnector, HttpRequest, HttpRequestBody, HttpResponse, ReqwestConnector,
};
use object_store::path::Path;
use object_store::{Attribute, ClientOptions, GetOptions, ObjectStore, PutOptions, PutPayload};
use url::Url;

use super::blob_listing::{self, ListedBlob};
use super::error::{Error, none_if_missing};
use super::key::Key;
use crate::backoff::Backoff;

/// The blobs of a store in Azure.
#[derive(Clone, Debug)]
pub struct MetadataBlobs {
    pub(super) objects: Arc<dyn ObjectStore>,
    pub(super) client: Arc<BlobClient>,
}

/// A blob without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataBlob {
    /// Its name.
    pub key: Key,
    /// Its metadata by name, in lower case: the service keeps the case of the writer, and names differ in more than case.
    pub metadata: BTreeMap<String, String>,
    /// Time of the last change of content or metadata, Unix milliseconds.
    pub modified_ms: i64,
}

impl MetadataBlobs {
    /// Reads the metadata of a blob; `None` if the blob does not exist.
    pub async fn get(&self, key: &Key) -> Result<Option<MetadataBlob>, Error> {
        let read = none_if_missing(self.objects.get_opts(&key.0, GetOptions::default()).await);
        let found = read.map_err(Error::request("read the metadata of", key))?;
        Ok(found.map(|found| {
            let metadata = found.attributes.iter().filter_map(|(name, value)| match name {
                Attribute::Metadata(name) => Some((name.to_lowercase(), value.as_ref().to_owned())),
                _ => None,
            });
            MetadataBlob {
                key: key.clone(),
                metadata: metadata.collect(),
                modified_ms: found.meta.last_modified.timestamp_millis(),
            }
        }))
    }

    /// Replaces all metadata of a blob; puts the blob, with empty content, if it does not exist. Unconditional.
    ///
    /// # Errors
    /// Also names and values that are not ASCII.
    pub async fn set(&self, key: &Key, metadata: &[(&'static str, String)]) -> Result<(), Error> {
        let request = || self.client.set_metadata(&key.0, metadata);
        let answer = self.answer("set the metadata of", key, request).await?;
        if answer.is_some() {
            return Ok(());
        }
        let attributes =
            metadata.iter().map(|(name, value)| (Attribute::Metadata((*name).into()), value.clone()));
        let options = PutOptions { attributes: attributes.collect(), ..PutOptions::default() };
        let put = self.objects.put_opts(&key.0, PutPayload::default(), options).await;
        put.map(|_| ()).map_err(Error::request("put", key))
    }

    /// Lists the blobs below a folder, at any depth, with their metadata. One request for 5,000 blobs.
    pub async fn list(&self, below: &Key) -> Result<Vec<MetadataBlob>, Error> {
        let mut found = Vec::new();
        let mut marker = None;
        loop {
            let request = || self.client.list(&below.0, marker.as_deref());
            // A container that does not exist is an error; a folder that does not is empty.
            let Some(body) = self.answer("list", below, request).await? else { break };
            let page = blob_listing::parse(&body).map_err(|source| failure(below, source))?;
            found.extend(page.blobs.into_iter().filter_map(|blob| self.client.below_prefix(blob)));
            marker = page.next_marker;
            if marker.is_none() {
                break;
            }
        }
        Ok(found)
    }

    /// Sends a request until it has a final answer, and returns its body; `None` if the blob does not exist.
    async fn answer(
        &self,
        operation: &'static str,
        key: &Key,
        request: impl Fn() -> Result<HttpRequest, BoxedError>,
    ) -> Result<Option<Bytes>, Error> {
        let backoff = Backoff {
            first: FIRST_DELAY,
            longest: MAX_DELAY,
            attempts_max: ATTEMPTS_MAX,
            seed: fastrand::u64(..),
        };
        let mut attempts = backoff.attempts();
        loop {
            let sent = async {
                let request = request().map_err(generic)?;
                none_if_missing(self.client.send(&key.0, request).await)
            };
            match sent.await {
                Ok(answer) => return Ok(answer),
                Err(error) => attempts.wait_after(Error::request(operation, key)(error)).await?,
            }
        }
    }
}

/// The container of a store, with the credential and the HTTP client of its `object_store`.
#[derive(Debug)]
pub(super) struct BlobClient {
    /// URL of the container.
    pub(super) container: Url,
    /// Account that signs the requests.
    pub(super) account: String,
    /// Folder of the store in the container.
    pub(super) prefix: Path,
    pub(super) credentials: AzureCredentialProvider,
    pub(super) http: HttpClient,
}

impl BlobClient {
    /// Set Blob Metadata. <https://learn.microsoft.com/rest/api/storageservices/set-blob-metadata>
    fn set_metadata(
        &self,
        key: &Path,
        metadata: &[(&'static str, String)],
    ) -> Result<HttpRequest, BoxedError> {
        let mut url = self.container.clone();
        url.path_segments_mut().map_err(|()| NO_PATH)?.extend(self.prefix.parts()).extend(key.parts());
        url.query_pairs_mut().append_pair("comp", "metadata");
        let mut request = empty(Method::PUT, &url)?;
        request.headers_mut().insert(http::header::CONTENT_LENGTH, HeaderValue::from(0));
        add_metadata(request.headers_mut(), metadata)?;
        Ok(request)
    }

    /// List Blobs. <https://learn.microsoft.com/rest/api/storageservices/list-blobs>
    fn list(&self, below: &Path, marker: Option<&str>) -> Result<HttpRequest, BoxedError> {
        let folder: Path = self.prefix.parts().chain(below.parts()).collect();
        let mut url = self.container.clone();
        url.query_pairs_mut().extend_pairs([
            ("restype", "container"),
            ("comp", "list"),
            ("include", "metadata"),
        ]);
        if !folder.as_ref().is_empty() {
            url.query_pairs_mut().append_pair("prefix", &format!("{folder}/"));
        }
        if let Some(marker) = marker {
            url.query_pairs_mut().append_pair("marker", marker);
        }
        empty(Method::GET, &url)
    }

    /// A listed blob with its key in the store; none if its name is not a key.
    fn below_prefix(&self, blob: ListedBlob) -> Option<MetadataBlob> {
        let path = Path::parse(&blob.name).ok()?;
        let key = Key(path.prefix_match(&self.prefix)?.collect());
        Some(MetadataBlob { key, metadata: blob.metadata, modified_ms: blob.modified_ms })
    }

    /// Sends a request once, and reads the whole answer.
    async fn send(&self, key: &Path, mut request: HttpRequest) -> object_store::Result<Bytes> {
        let credential = self.credentials.get_credential().await?;
        AzureAuthorizer::new(&credential, &self.account).try_authorize(&mut request)?;
        let answer: HttpResponse = self.http.execute(request).await.map_err(|error| generic(error.into()))?;
        let status = answer.status();
        let body = answer.into_body().bytes().await.map_err(|error| generic(error.into()))?;
        if status.is_success() {
            return Ok(body);
        }
        let refused =
            Refused { status: status.to_string(), body: String::from_utf8_lossy(&body).into_owned() };
        Err(match status.as_u16() {
            404 => object_store::Error::NotFound { path: key.to_string(), source: refused.into() },
            _ => generic(refused.into()),
        })
    }
}

/// The connector of `object_store`, which also keeps its last client: that of the store, after those of token sources.
#[derive(Clone, Debug, Default)]
pub(super) struct KeptConnector {
    last: Arc<Mutex<Option<HttpClient>>>,
}

impl KeptConnector {
    /// The client of the store, once that is built.
    pub(super) fn client(&self) -> Option<HttpClient> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl HttpConnector for KeptConnector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let client = ReqwestConnector::default().connect(options)?;
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(client.clone());
        Ok(client)
    }
}

/// An answer that is not a success, in the words of `object_store`, so that `answer` finds status and code in it.
#[derive(Debug, thiserror::Error)]
#[error("Server returned non-2xx status code: {status}: {body}")]
struct Refused {
    status: String,
    body: String,
}

/// A request without content.
fn empty(method: Method, url: &Url) -> Result<HttpRequest, BoxedError> {
    let mut request = HttpRequest::new(HttpRequestBody::empty());
    *request.method_mut() = method;
    *request.uri_mut() = url.as_str().parse::<Uri>()?;
    Ok(request)
}

/// Adds the headers of metadata. The signature of a request takes ASCII only.
fn add_metadata(headers: &mut HeaderMap, metadata: &[(&'static str, String)]) -> Result<(), BoxedError> {
    for (name, value) in metadata {
        if !value.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            return Err(format!("the value of {name} is not ASCII text").into());
        }
        let name: HeaderName = format!("x-ms-meta-{name}").parse()?;
        headers.insert(name, HeaderValue::from_str(value)?);
    }
    Ok(())
}

fn generic(source: BoxedError) -> object_store::Error {
    object_store::Error::Generic { store: "MicrosoftAzure", source }
}

/// A listing that could not be parsed.
fn failure(below: &Key, source: BoxedError) -> Error {
    Error::request("list", below)(generic(source))
}

type BoxedError = Box<dyn std::error::Error + Send + Sync>;

/// A URL such as `data:`, which no endpoint is.
const NO_PATH: &str = "the endpoint has no path";

/// Attempts at one request, with delays as those of `object_store`: longer outages are for the caller.
const ATTEMPTS_MAX: u32 = 4;
const FIRST_DELAY: Duration = Duration::from_millis(100);
const MAX_DELAY: Duration = Duration::from_secs(2);
