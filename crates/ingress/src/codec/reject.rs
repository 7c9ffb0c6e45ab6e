//! Every reason to refuse a request: its status, its kind, and one sentence for the sender.

use deploy_spec::Kind;
use http::StatusCode;

macro_rules! rejects {
    ($($(#[$doc:meta])* $name:ident = $status:ident, $message:literal;)*) => {
        /// Why a request was refused. The connection is closed after every one of them, because
        /// after a refusal nobody knows where the next request starts.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Reject { $($(#[$doc])* #[doc = concat!("`", stringify!($status), "`: ", $message, ".")] $name,)* }

        impl Reject {
            /// Every reason, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The status of the answer.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// One sentence without a full stop: what is wrong.
            #[must_use]
            pub const fn message(self) -> &'static str {
                match self { $(Self::$name => $message,)* }
            }
        }
    };
}

rejects! {
    // The request line and the lines as such (RFC 9112 §2, §3, §5).
    NotHttp = BAD_REQUEST, "the first byte is not the start of an HTTP request";
    BareLineFeed = BAD_REQUEST, "a line does not end with CR LF";
    BlankLines = BAD_REQUEST, "more than one empty line before the request";
    RequestLine = BAD_REQUEST, "the request line is not `method target HTTP/1.1`";
    HeaderName = BAD_REQUEST, "a header name is empty, folded, or holds an invalid character";
    HeaderValue = BAD_REQUEST, "a header value holds a control character or a bare CR";
    HeadTooLarge = REQUEST_HEADER_FIELDS_TOO_LARGE, "the request head is too large";
    TooManyHeaders = REQUEST_HEADER_FIELDS_TOO_LARGE, "too many header lines";
    Version = HTTP_VERSION_NOT_SUPPORTED, "only HTTP/1.0 and HTTP/1.1 are spoken here";
    // The target (RFC 9112 §3.2).
    TargetTooLong = URI_TOO_LONG, "the request target is too long";
    Target = BAD_REQUEST, "the request target is not a valid origin-form or absolute-form";
    TargetBytes = BAD_REQUEST, "the request target holds a fragment, a control or a non-ASCII byte";
    UserInfo = BAD_REQUEST, "user information is not allowed in a request target";
    Path = BAD_REQUEST, "the path holds a bad, encoded-slash, encoded-backslash or NUL escape, or a backslash";
    Asterisk = BAD_REQUEST, "the asterisk form is for OPTIONS only";
    Connect = NOT_IMPLEMENTED, "CONNECT is not offered";
    // Host (RFC 9112 §3.2, RFC 9110 §7.2).
    HostMissing = BAD_REQUEST, "the Host header is missing";
    HostRepeated = BAD_REQUEST, "the Host header is repeated";
    HostInvalid = BAD_REQUEST, "the host is not a valid name, address or port";
    HostDiffers = BAD_REQUEST, "the Host header differs from the request target";
    Misdirected = MISDIRECTED_REQUEST, "this host has another certificate than the one that was shown";
    // Framing (RFC 9112 §6, §7).
    LengthAndCoding = BAD_REQUEST, "both Content-Length and Transfer-Encoding";
    LengthRepeated = BAD_REQUEST, "Content-Length is repeated";
    LengthInvalid = BAD_REQUEST, "Content-Length is not a plain decimal number";
    CodingOnOldVersion = BAD_REQUEST, "Transfer-Encoding on HTTP/1.0";
    CodingInvalid = BAD_REQUEST, "Transfer-Encoding is empty or repeated";
    CodingUnknown = NOT_IMPLEMENTED, "the only transfer coding is a single `chunked`";
    BodyTooLarge = PAYLOAD_TOO_LARGE, "the request body is too large";
    ChunkSize = BAD_REQUEST, "a chunk size is not 1 to 16 hexadecimal digits and CR LF";
    ChunkExtension = BAD_REQUEST, "a chunk extension is malformed or too long";
    ChunkEnd = BAD_REQUEST, "a chunk does not end with CR LF";
    Trailer = BAD_REQUEST, "a trailer field is malformed or not allowed in trailers";
    TrailersTooLarge = REQUEST_HEADER_FIELDS_TOO_LARGE, "the trailers are too large";
    // Expectations and time (RFC 9110 §10.1.1, §15.5.9).
    Expectation = EXPECTATION_FAILED, "the only expectation is `100-continue`";
    HeadTimeout = REQUEST_TIMEOUT, "the request head took too long to arrive";
    BodyTimeout = REQUEST_TIMEOUT, "the request body took too long to arrive";
    // Our side.
    TooManyConnections = SERVICE_UNAVAILABLE, "too many connections";
    ServiceFailed = INTERNAL_SERVER_ERROR, "the request could not be answered";
}

impl Reject {
    /// The kind named in the body of the answer.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self.status() {
            StatusCode::INTERNAL_SERVER_ERROR => Kind::Internal,
            StatusCode::REQUEST_TIMEOUT | StatusCode::SERVICE_UNAVAILABLE => Kind::Unavailable,
            StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::URI_TOO_LONG
            | StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Kind::Refused,
            _ => Kind::InvalidInput,
        }
    }
}

impl std::fmt::Display for Reject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.message())
    }
}

impl std::error::Error for Reject {}
