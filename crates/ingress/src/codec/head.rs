//! The view of one request head over the bytes it arrived in. Nothing is copied.

use std::mem::MaybeUninit;
use std::ops::Range;

use http::Version;

use super::fields::Fields;
use super::{Authority, Form, Framing, Limits, Reject, Target};

/// The most header lines a head can ever have, whatever the settings say.
pub const MAX_HEADERS: usize = 256;

/// Room for the parsed header lines of one head; lives on the stack of the caller.
pub type HeaderSlots<'b> = [MaybeUninit<httparse::Header<'b>>; MAX_HEADERS];

/// Empty room for [`RequestHead::parse`].
#[must_use]
pub const fn header_slots<'b>() -> HeaderSlots<'b> {
    [const { MaybeUninit::uninit() }; MAX_HEADERS]
}

/// One request head: borrowed spans over the read buffer.
#[derive(Debug)]
pub struct RequestHead<'b> {
    /// All its bytes, the empty last line included.
    pub raw: &'b [u8],
    /// As sent; case matters.
    pub method: &'b str,
    /// Checked, its path normalised.
    pub target: Target<'b>,
    /// HTTP/1.0 or HTTP/1.1.
    pub version: Version,
    /// Who it is for: the target's authority, else `Host`. Always there on HTTP/1.1.
    pub host: Option<Authority<'b>>,
    /// How long its body is.
    pub framing: Framing,
    /// Whether the client wants to keep the connection (RFC 9112 §9.3).
    pub keep_alive: bool,
    /// Whether the client waits for `100 Continue` before it sends the body.
    pub expects_continue: bool,
    /// Whether the client takes trailers on the response (`TE: trailers`).
    pub accepts_trailers: bool,
    /// Whether the client offers to go on with WebSocket, and with nothing else (RFC 6455 §4.1).
    pub offers_websocket: bool,
    headers: &'b [httparse::Header<'b>],
}

impl<'b> RequestHead<'b> {
    /// Reads one complete head, as found by [`HeadScan`](super::HeadScan).
    ///
    /// # Errors
    /// [`Reject`]: the head breaks a rule, or could be read in two ways.
    pub fn parse(
        raw: &'b [u8],
        slots: &'b mut HeaderSlots<'b>,
        limits: &Limits,
    ) -> Result<Self, Reject> {
        let slots = &mut slots[..limits.headers.min(MAX_HEADERS)];
        let mut request = httparse::Request::new(&mut []);
        match request.parse_with_uninit_headers(raw, slots) {
            Ok(httparse::Status::Complete(length)) if length == raw.len() => {}
            Ok(_) => return Err(Reject::RequestLine),
            Err(error) => return Err(explain(error, raw)),
        }
        let (Some(method), Some(target), Some(version)) =
            (request.method, request.path, request.version)
        else {
            return Err(Reject::RequestLine);
        };
        if target.len() > limits.target_bytes {
            return Err(Reject::TargetTooLong);
        }
        let version = if version == 1 { Version::HTTP_11 } else { Version::HTTP_10 };
        let headers: &'b [httparse::Header<'b>] = request.headers;
        let fields = Fields::read(version, headers)?;
        let target = Target::parse(method, target)?;
        Ok(Self {
            raw,
            method,
            host: host(&target, fields.host, version)?,
            target,
            version,
            framing: fields.framing,
            keep_alive: fields.keep_alive,
            expects_continue: fields.expects_continue,
            accepts_trailers: fields.accepts_trailers,
            offers_websocket: fields.offers_websocket,
            headers,
        })
    }

    /// Name and value of every header line, in order. Names keep their case; values lost the
    /// blanks around them.
    pub fn headers(&self) -> impl ExactSizeIterator<Item = (&'b str, &'b [u8])> + use<'b> {
        self.headers.iter().map(|header| (header.name, header.value))
    }

    /// Where the header line `index` lies in [`raw`](Self::raw), its CR LF included. Neighbouring
    /// lines are contiguous, so that a run of them can be copied at once.
    #[must_use]
    pub fn line(&self, index: usize) -> Range<usize> {
        let start = |header: &httparse::Header<'_>| self.offset(header.name.as_bytes());
        let end = self.raw.len() - 2;
        self.headers.get(index).map_or(end..end, |header| {
            start(header)..self.headers.get(index + 1).map_or(end, start)
        })
    }

    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'b [u8]> {
        self.headers().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Where `part`, a piece of [`raw`](Self::raw), starts in it.
    pub(super) fn offset(&self, part: &[u8]) -> usize {
        part.as_ptr().addr() - self.raw.as_ptr().addr()
    }
}

fn host<'b>(
    target: &Target<'b>,
    header: Option<Authority<'b>>,
    version: Version,
) -> Result<Option<Authority<'b>>, Reject> {
    if header.is_none() && version == Version::HTTP_11 {
        return Err(Reject::HostMissing);
    }
    match (&target.form, header) {
        (Form::Absolute(authority, default_port), Some(header)) => {
            if authority.same_server(&header, *default_port) {
                Ok(Some(authority.clone()))
            } else {
                Err(Reject::HostDiffers)
            }
        }
        (Form::Absolute(authority, _), None) => Ok(Some(authority.clone())),
        (Form::Origin | Form::Asterisk, header) => Ok(header),
    }
}

fn explain(error: httparse::Error, raw: &[u8]) -> Reject {
    match error {
        httparse::Error::TooManyHeaders => Reject::TooManyHeaders,
        httparse::Error::HeaderName => Reject::HeaderName,
        httparse::Error::HeaderValue => Reject::HeaderValue,
        httparse::Error::Version if names_a_version(raw) => Reject::Version,
        httparse::Error::Token => explain_token(raw),
        _ => Reject::RequestLine,
    }
}

/// Whether the third and last word of the request line is some `HTTP/<digit>…`, which is not ours
/// then.
fn names_a_version(raw: &[u8]) -> bool {
    let mut words = first_line(raw).split(|b| *b == b' ').skip(2);
    let version = words.next().and_then(|word| word.strip_prefix(b"HTTP/"));
    version.and_then(<[u8]>::first).is_some_and(u8::is_ascii_digit) && words.next().is_none()
}

fn explain_token(raw: &[u8]) -> Reject {
    let mut words = first_line(raw).split(|b| *b == b' ');
    let method = words.next().unwrap_or_default();
    let target = words.next().unwrap_or_default();
    let is_method = !method.is_empty() && method.iter().all(|b| super::scan::is_token(*b));
    if is_method && target.iter().any(|b| !(0x21..=0x7e).contains(b)) {
        Reject::TargetBytes
    } else {
        Reject::RequestLine
    }
}

fn first_line(raw: &[u8]) -> &[u8] {
    let end = memchr::memchr(b'\n', raw).unwrap_or(raw.len());
    raw[..end].strip_suffix(b"\r").unwrap_or(&raw[..end])
}
