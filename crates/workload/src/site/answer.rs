//! One request to a site.

use std::sync::Arc;

use bundle::{Archive, Entry, EntryKind};
use deploy_spec::{Digest, Fault, Pack, PackId};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};

use super::cache::{CachedFile, FileCache, SiteId};
use super::encoding::{CODINGS, acceptable};
use super::etag::{self, Verdict};
use super::head::{describe, not_found, status, unsatisfiable, whole};
use super::kind;
use super::multipart;
use super::path::{self, PathError, SitePath};
use super::range::{self, Ranges};
use super::stream::FileBody;
use crate::body::Body;
use crate::failure::{Failure, plain};
use crate::prefix;

/// The largest file that is kept in memory, in bytes; larger ones are read for each request.
const SMALL_MAX: u64 = 1 << 20;

/// A folder of an archive, served as it is.
pub(crate) struct Site {
    archive: Archive,
    bundle: Digest,
    pack_id: PackId,
    root: Box<str>,
    id: SiteId,
    files: Arc<FileCache>,
}

/// A file found, in the form that will be sent.
pub(super) struct Found {
    /// Its path in the archive.
    path: String,
    size: u64,
    pub(super) kind: &'static str,
    pub(super) coding: Option<&'static str>,
    /// Whether it depends on `Accept-Encoding`.
    pub(super) varies: bool,
}

/// Where the bytes of a file come from.
enum Content {
    Small(CachedFile),
    Large(HeaderValue),
}

impl Content {
    const fn etag(&self) -> &HeaderValue {
        match self {
            Self::Small(file) => &file.etag,
            Self::Large(etag) => etag,
        }
    }
}

impl Site {
    pub(crate) fn new(
        archive: &Archive,
        bundle: &Digest,
        pack: &Pack,
        files: &Arc<FileCache>,
    ) -> Result<Self, Fault> {
        let root = pack.file()?.as_str();
        let folder = archive.follow(root);
        match folder.map(|entry| entry.kind) {
            Some(EntryKind::Directory) => {}
            Some(_) => {
                let what = format!("pack `{}`: `{root}` is not a folder", pack.pack_id);
                return Err(Fault::invalid(what).hint("a static pack's path names a folder"));
            }
            None => {
                let what = format!("pack `{}`: the bundle holds no `{root}`", pack.pack_id);
                return Err(Fault::invalid(what).hint("check `path` in bundle.yaml, and rebuild"));
            }
        }
        Ok(Self {
            archive: archive.clone(),
            bundle: bundle.clone(),
            pack_id: pack.pack_id.clone(),
            root: folder.map_or(root, |entry| &entry.path).into(),
            id: files.new_site(),
            files: Arc::clone(files),
        })
    }

    pub(crate) fn respond<B>(&self, request: &Request<B>) -> Response<Body> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "this is a file: GET it\n");
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        let site_path = match path::parse(request.uri().path()) {
            Ok(site_path) => site_path,
            Err(PathError::Bad) => {
                return plain(StatusCode::BAD_REQUEST, "this path is not valid\n");
            }
            Err(PathError::Nothing) => return not_found(),
        };
        match self.find(&site_path, request.headers()) {
            Some(found) => self.send(&found, request),
            None if self.is_folder(&site_path) => self.redirect_to_root(request),
            None => not_found(),
        }
    }

    /// Sends a client that left out the last slash to where relative links work.
    pub(crate) fn redirect_to_root<B>(&self, request: &Request<B>) -> Response<Body> {
        let removed = prefix::removed(request.headers());
        let path = request.uri().path().trim_end_matches('/');
        let query = request.uri().query().map_or(String::new(), |query| format!("?{query}"));
        let Ok(location) = HeaderValue::try_from(format!("{removed}{path}/{query}")) else {
            return plain(StatusCode::BAD_REQUEST, "this path is not valid\n");
        };
        let mut response = plain(StatusCode::PERMANENT_REDIRECT, "this is a folder\n");
        response.headers_mut().insert(header::LOCATION, location);
        response
    }

    fn inner(&self, site_path: &SitePath) -> String {
        match site_path.inner.as_str() {
            "" => self.root.to_string(),
            inner => format!("{}/{inner}", self.root),
        }
    }

    /// What is at `path`. Links are followed as long as they stay inside the site's folder.
    fn entry(&self, path: &str) -> Option<&Entry> {
        match self.archive.entry(path) {
            Some(entry) if entry.kind != EntryKind::Symlink => Some(entry),
            _ => self.archive.follow(path).filter(|entry| self.holds(&entry.path)),
        }
    }

    fn holds(&self, path: &str) -> bool {
        path.strip_prefix(&*self.root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    fn is_folder(&self, site_path: &SitePath) -> bool {
        let entry = self.entry(&self.inner(site_path));
        !site_path.is_directory && entry.is_some_and(|entry| entry.kind == EntryKind::Directory)
    }

    fn file(&self, path: &str) -> Option<&Entry> {
        self.entry(path).filter(|entry| entry.kind == EntryKind::File)
    }

    fn find(&self, site_path: &SitePath, headers: &HeaderMap) -> Option<Found> {
        let mut path = self.inner(site_path);
        if site_path.is_directory {
            path.push_str("/index.html");
        }
        let entry = self.file(&path)?;
        let kind = kind::of(&path);
        let accept = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
        let compressed = |suffix: &str| self.file(&format!("{path}.{suffix}"));
        let varies = CODINGS.iter().any(|(suffix, _)| compressed(suffix).is_some());
        let best = match accept {
            Some(accept) if varies => acceptable(accept)
                .find_map(|(suffix, coding)| Some((compressed(suffix)?, Some(coding)))),
            _ => None,
        };
        let (entry, coding) = best.unwrap_or((entry, None));
        Some(Found { path: entry.path.clone(), size: entry.size, kind, coding, varies })
    }

    fn content(&self, found: &Found) -> Result<Content, Fault> {
        if found.size <= SMALL_MAX {
            let read = || self.archive.read(&found.path);
            return Ok(Content::Small(self.files.get(self.id, &found.path, read)?));
        }
        // Hashing a large file to answer one request for it would cost more than it is worth: the
        // bundle's digest and the path name its content just as well.
        let name = format!("{}\0{}", self.bundle, found.path);
        Ok(Content::Large(etag::of(&Digest::of(name.as_bytes()))))
    }

    fn send<B>(&self, found: &Found, request: &Request<B>) -> Response<Body> {
        let sent = self.content(found).and_then(|content| {
            let headers = request.headers();
            let mut response = match etag::evaluate(headers, content.etag()) {
                Verdict::Send if *request.method() == Method::GET => {
                    self.send_parts(found, &content, headers)?
                }
                Verdict::Send => whole(Body::empty(), found.size),
                Verdict::NotModified => status(StatusCode::NOT_MODIFIED),
                Verdict::Failed => plain(StatusCode::PRECONDITION_FAILED, "it has changed\n"),
            };
            describe(&mut response, found, content.etag());
            Ok(response)
        });
        sent.unwrap_or_else(|fault| {
            let pack = &self.pack_id;
            tracing::error!(%pack, path = found.path, "file cannot be read: {fault}");
            Failure::Unreadable.response()
        })
    }

    fn send_parts(
        &self,
        found: &Found,
        content: &Content,
        headers: &HeaderMap,
    ) -> Result<Response<Body>, Fault> {
        let range = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
        let ranges = match range {
            Some(range) if etag::allows_range(headers, content.etag()) => {
                range::parse(range, found.size)
            }
            _ => Ranges::Whole,
        };
        match (ranges, content) {
            (Ranges::Unsatisfiable, _) => Ok(unsatisfiable(found.size)),
            (Ranges::Parts(parts), _) if parts.len() == 1 => {
                let body = self.body(found, content, parts[0].start, parts[0].end)?;
                Ok(multipart::one(body, &parts[0], found.size))
            }
            (Ranges::Parts(parts), Content::Small(file)) => {
                Ok(multipart::many(&file.bytes, &parts, found.kind))
            }
            // Many parts of a large file would read it many times.
            (Ranges::Whole | Ranges::Parts(_), _) => {
                Ok(whole(self.body(found, content, 0, found.size)?, found.size))
            }
        }
    }

    fn body(&self, found: &Found, content: &Content, from: u64, to: u64) -> Result<Body, Fault> {
        match content {
            Content::Small(file) => Ok(file.bytes.slice(from as usize..to as usize).into()),
            Content::Large(_) => {
                Ok(FileBody::new(self.archive.reader(&found.path)?, from, to - from).into())
            }
        }
    }
}
