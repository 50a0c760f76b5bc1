//! The hub's own certificate authority, and the certificate of its server.
//!
//! Owns: names, validity and keys of both, and the files that keep the authority over a restart. Does not own: TLS itself
//! (`listener`).

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{self, ServerConfig};

use crate::clock::UnixMillis;

/// Folder of the authority in the data folder. A hub's name begins with a letter or a digit, so no hub has this folder.
const FOLDER: &str = "_tls";

/// Certificates begin to be valid this long before they are made: clocks of containers and of this machine differ.
const SKEW: Duration = Duration::from_hours(24);

/// Validity of an authority: people who added it to a trust store do not do so again each year.
const AUTHORITY_VALIDITY: Duration = Duration::from_hours(10 * 365 * 24);

/// Validity of a server's certificate, which is made at each start: Apple's limit for authorities that a user added.
const SERVER_VALIDITY: Duration = Duration::from_hours(825 * 24);

/// A certificate authority that only those trust who have its certificate.
pub(super) struct Authority {
    record: Record,
    issuer: Issuer<'static, KeyPair>,
}

/// The authority as it is kept.
#[derive(Clone, Serialize, Deserialize)]
struct Record {
    /// The certificate, PEM.
    certificate: String,
    /// The private key, PEM.
    key: String,
    /// End of the certificate's validity.
    #[serde(rename = "not_after_ms")]
    not_after: UnixMillis,
}

/// Omits the key.
impl std::fmt::Debug for Authority {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Authority").field("not_after", &self.record.not_after).finish_non_exhaustive()
    }
}

impl Authority {
    /// A new authority.
    pub(super) fn new(now: UnixMillis) -> Result<Self, Error> {
        let key = KeyPair::generate()?;
        Self::sign(key, now)
    }

    /// The authority of a data folder; a new one if it has none. One that would expire before a server's certificate gets
    /// a new certificate, of the same name and key, so that those who trust the old one trust the new one too.
    pub(super) fn open(data: &Path, now: UnixMillis) -> Result<Self, Error> {
        let folder = data.join(FOLDER);
        let path = folder.join("authority.json");
        let kept = match fs::read(&path) {
            Ok(json) => {
                let record: Record =
                    serde_json::from_slice(&json).map_err(|_| Error::Record(path.clone()))?;
                let key = KeyPair::from_pem(&record.key).map_err(|_| Error::Record(path.clone()))?;
                Some((record, key))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(source) => return Err(Error::Read { path, source }),
        };
        let authority = match kept {
            Some((record, key)) if record.not_after > now + SERVER_VALIDITY => {
                Self { issuer: Issuer::new(params(&key, now), key), record }
            }
            Some((_, key)) => Self::sign(key, now)?,
            None => Self::new(now)?,
        };
        fs::create_dir_all(&folder).map_err(|source| Error::Write { path: folder.clone(), source })?;
        let json = serde_json::to_vec(&authority.record).map_err(|_| Error::Record(path.clone()))?;
        write(&path, &json, 0o600)?;
        authority.write_certificate(&certificate_path(data))?;
        Ok(authority)
    }

    fn sign(key: KeyPair, now: UnixMillis) -> Result<Self, Error> {
        let params = params(&key, now);
        let certificate = params.self_signed(&key)?.pem();
        let record = Record { certificate, key: key.serialize_pem(), not_after: now + AUTHORITY_VALIDITY };
        Ok(Self { issuer: Issuer::new(params, key), record })
    }

    /// The authority's certificate, PEM.
    pub(super) fn certificate(&self) -> &str {
        &self.record.certificate
    }

    /// Writes the authority's certificate to a file, at once as a whole.
    pub(super) fn write_certificate(&self, path: &Path) -> Result<(), Error> {
        write(path, self.record.certificate.as_bytes(), 0o644)
    }

    /// TLS 1.2 and 1.3 with a new certificate for these names and addresses.
    pub(super) fn server(&self, names: &[String], now: UnixMillis) -> Result<ServerConfig, Error> {
        let refused = |source| Error::Names { names: names.join(", "), source };
        let mut params = CertificateParams::new(names).map_err(refused)?;
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "catchwater hub");
        set_validity(&mut params, now, SERVER_VALIDITY);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        // Python 3.13 demands it.
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)?;
        Ok(config)
    }
}

/// The file with the certificate of a data folder's authority.
pub(super) fn certificate_path(data: &Path) -> PathBuf {
    data.join(FOLDER).join("ca.pem")
}

/// The names and addresses by which clients reach a hub that listens on `listen`: this machine's, and `more`.
pub(super) fn names(listen: &[IpAddr], more: &[String]) -> Vec<String> {
    let loopback = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    let addresses = loopback.iter().chain(listen).filter(|address| !address.is_unspecified());
    let mut names = vec!["localhost".to_owned()];
    names.extend(addresses.map(IpAddr::to_string));
    let host = host_name();
    // A host may have a name that a certificate can't have.
    names.extend(host.filter(|name| ServerName::try_from(name.as_str()).is_ok()));
    names.extend_from_slice(more);
    let mut seen = HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// Name and validity of an authority with this key. The name differs from key to key, so that a trust store with several
/// authorities finds the right one.
fn params(key: &KeyPair, now: UnixMillis) -> CertificateParams {
    let mut params = CertificateParams::default();
    let digest = Sha256::digest(key.public_key_raw());
    let id = u32::from_be_bytes(digest.first_chunk().copied().unwrap_or_default());
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, format!("authority of catchwater hub {id:08x}"));
    set_validity(&mut params, now, AUTHORITY_VALIDITY);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// Makes a certificate valid from `SKEW` ago, by days of UTC.
fn set_validity(params: &mut CertificateParams, now: UnixMillis, validity: Duration) {
    let day = |time: UnixMillis| {
        let time = jiff::Timestamp::from_millisecond(time.get()).unwrap_or_default();
        let day = TimeZone::UTC.to_datetime(time).date();
        rcgen::date_time_ymd(day.year().into(), day.month().unsigned_abs(), day.day().unsigned_abs())
    };
    (params.not_before, params.not_after) = (day(now - SKEW), day(now + validity));
}

/// Writes a file at once as a whole.
fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Error> {
    let failed = |source| Error::Write { path: path.to_owned(), source };
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}.draft", std::process::id()));
    let draft = PathBuf::from(draft);
    let written = (|| {
        // A draft of a killed process with the same id may have other permissions.
        drop(fs::remove_file(&draft));
        let mut file = restricted(mode).write(true).create_new(true).open(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&draft, path)
    })();
    if written.is_err() {
        drop(fs::remove_file(&draft));
    }
    written.map_err(failed)
}

/// Options for a file with these permissions.
#[cfg(unix)]
fn restricted(mode: u32) -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = OpenOptions::new();
    options.mode(mode);
    options
}

/// Options for a file; its folder decides who may read it.
#[cfg(not(unix))]
fn restricted(_: u32) -> OpenOptions {
    OpenOptions::new()
}

/// The name of this machine, if it has one.
#[cfg(unix)]
fn host_name() -> Option<String> {
    nix::unistd::gethostname().ok()?.into_string().ok()
}

/// Not known here: `--tls-name` adds it.
#[cfg(not(unix))]
fn host_name() -> Option<String> {
    None
}

/// Error while the authority is opened. Its text contains no key.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file of the authority is damaged.
    #[error(
        "{} is not the authority of a hub; remove it for a new authority, whose certificate clients then need", .0.display()
    )]
    Record(PathBuf),
    /// A file can't be read.
    #[error("can't read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A file can't be written.
    #[error("can't write {}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// A name that a certificate can't have.
    #[error("a certificate can't be for all of these names: {names}")]
    Names {
        /// All names.
        names: String,
        /// The cause.
        #[source]
        source: rcgen::Error,
    },
    /// A certificate can't be made.
    #[error("the certificate can't be made")]
    Certificate(#[from] rcgen::Error),
    /// TLS refuses the certificate.
    #[error("TLS can't use the certificate")]
    Tls(#[from] rustls::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis::new(1_800_000_000_000);

    #[test]
    fn a_data_folder_keeps_its_authority_and_renews_it_with_the_same_key() {
        let folder = tempfile::tempdir().unwrap();
        let open = |now| Authority::open(folder.path(), now).unwrap().record;
        let first = open(NOW);
        let later = open(NOW + Duration::from_hours(24 * 365));
        assert_eq!((&later.certificate, &later.key), (&first.certificate, &first.key));
        let renewed = open(NOW + Duration::from_hours(24 * 365 * 8));
        assert!(renewed.certificate != first.certificate && renewed.not_after > first.not_after);
        assert_eq!(renewed.key, first.key);
        assert_eq!(fs::read_to_string(certificate_path(folder.path())).unwrap(), renewed.certificate);
        let files = fs::read_dir(folder.path().join(FOLDER)).unwrap();
        assert_eq!(files.count(), 2, "no draft is left");
    }

    #[test]
    fn a_damaged_authority_is_an_error_with_its_path_and_without_its_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FOLDER).join("authority.json");
        drop(Authority::open(folder.path(), NOW).unwrap());
        fs::write(&path, r#"{"key":"secret"}"#).unwrap();
        let error = Authority::open(folder.path(), NOW).unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains("authority.json") && !text.contains("secret"), "{text}");
    }

    #[test]
    fn names_are_those_of_this_machine_each_once() {
        let listen = ["0.0.0.0", "10.0.0.7", "127.0.0.1"].map(|address| address.parse().unwrap());
        let names = names(&listen, &["hub".to_owned(), "localhost".to_owned()]);
        let expected = ["localhost", "127.0.0.1", "::1", "10.0.0.7"];
        assert_eq!(names[..4], expected);
        assert!(names.contains(&"hub".to_owned()));
        let unique: HashSet<_> = names.iter().collect();
        assert_eq!(unique.len(), names.len());
    }

    #[test]
    fn names_that_a_certificate_cannot_have_are_refused() {
        let authority = Authority::new(NOW).unwrap();
        let error = authority.server(&["größe".to_owned()], NOW).unwrap_err();
        assert!(error.to_string().contains("größe"), "{error}");
    }
}
