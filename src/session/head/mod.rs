//! Reads the head of a request: the header lines that a session asks for, and where the request comes from, which
//! decides whether it may use the visitor's session.
//!
//! A page of another site can make the browser send requests here (cross-site request forgery). The
//! browser says where a request comes from, in fields that no page can set: `Sec-Fetch-Site` (Fetch
//! Metadata) and `Origin` (RFC 6454). This room knows nothing of sessions.
//!
//! The test follows Go's `http.CrossOriginProtection`, with these differences:
//!
//! | | Go 1.25 | here |
//! |---|---|---|
//! | WebSocket handshake, a GET | passes | is tested: a page of any site can open a socket, with the visitor's cookies |
//! | TRACE | is tested | passes: no page can send it |
//! | a field twice, or empty | the first value counts, an empty one is absent | is refused |
//! | own host | equal to `Host`, byte by byte | without regard to case and default port, and `X-Forwarded-Host` too |
//! | own host under another scheme, `capacitor://host` | passes | is refused unless trusted; `http` and `https` are not told apart, as in Go |
//! | trusted origin with capitals, default port | is taken, and never matches | is an error |
//! | exceptions | patterns of its router | a predicate on method and path |

mod serialized;

pub(crate) use serialized::TrustedOrigins;

use alloc::{
    boxed::Box,
    string::{String, ToString},
    vec::Vec,
};
use core::{fmt, str};
use serialized::{Authority, parse_http};

/// The head of a request, as the browser sent it: what [`Exchange::session`] looks at.
///
/// If something between the client and the handler can rewrite a request, keep its method and target
/// beside the exchange when you begin it. Routers that strip the prefix of a mount do so.
///
/// [`Exchange::session`]: crate::session::Exchange::session
///
/// ```
/// use hardtack::session::RequestHead;
///
/// let head = RequestHead {
///     method: "GET",
///     path: "/cart",
///     authority: None, // "GET /cart HTTP/1.1"
///     // Or a reference to the `HeaderMap` of the `http` crate, or of Actix Web.
///     headers: [("Host", "example.org"), ("Cookie", "theme=dark"), ("Cookie", "a=b")],
/// };
/// ```
#[derive(Clone, Copy)]
pub struct RequestHead<'r, H> {
    /// The method, such as `GET`, before anything rewrites it.
    pub method: &'r str,
    /// The path, undecoded and without the query.
    pub path: &'r str,
    /// The authority of the request's target, if the target has one: in HTTP/2, and in the absolute
    /// form of HTTP/1.1.
    pub authority: Option<&'r str>,
    /// The header lines, each a name, in any case, and a value. Values are bytes, because a Cookie line need not be
    /// UTF-8.
    pub headers: H,
}

/// A header that a session asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Header {
    Cookie,
    Host,
    Origin,
    Referer,
    SecFetchDest,
    SecFetchMode,
    SecFetchSite,
    SecPurpose,
    SecSecureSessionId,
    SecureSessionResponse,
    SecureSessionSkipped,
    Upgrade,
    XForwardedHost,
    XForwardedProto,
}

impl Header {
    fn of(name: &str) -> Option<Header> {
        let known: &[(&str, Header)] = match name.len() {
            4 => &[("host", Header::Host)],
            6 => &[("cookie", Header::Cookie), ("origin", Header::Origin)],
            7 => &[("referer", Header::Referer), ("upgrade", Header::Upgrade)],
            11 => &[("sec-purpose", Header::SecPurpose)],
            14 => &[
                ("sec-fetch-site", Header::SecFetchSite),
                ("sec-fetch-mode", Header::SecFetchMode),
                ("sec-fetch-dest", Header::SecFetchDest),
            ],
            16 => &[("x-forwarded-host", Header::XForwardedHost)],
            17 => &[("x-forwarded-proto", Header::XForwardedProto)],
            21 => &[("sec-secure-session-id", Header::SecSecureSessionId)],
            22 => &[("secure-session-skipped", Header::SecureSessionSkipped)],
            23 => &[("secure-session-response", Header::SecureSessionResponse)],
            _ => &[],
        };
        // To compare without regard to case goes byte by byte, and three bytes tell most names apart.
        let ends = |name: &str| match name.as_bytes() {
            [first, .., last_but_one, last] => [first | 0x20, last_but_one | 0x20, last | 0x20],
            _ => [0; 3],
        };
        let is = |known: &str| known == name || known.eq_ignore_ascii_case(name);
        let mut known = known.iter();
        let (_, found) = known.find(|(known, _)| ends(known) == ends(name) && is(known))?;
        Some(*found)
    }
}

/// The lines of a request's headers that a session asks for, found in one pass. A browser sends three times as many.
#[derive(Default)]
pub(crate) struct RequestHeaders<'h> {
    /// Enough for what browsers send, without a list.
    first: [Option<(Header, &'h [u8])>; 8],
    others: Vec<(Header, &'h [u8])>,
}

impl<'h> RequestHeaders<'h> {
    pub(crate) fn read<N, V>(lines: impl IntoIterator<Item = (&'h N, &'h V)>) -> RequestHeaders<'h>
    where
        N: AsRef<str> + ?Sized + 'h,
        V: AsRef<[u8]> + ?Sized + 'h,
    {
        let mut headers = RequestHeaders::default();
        for (name, value) in lines {
            if let Some(header) = Header::of(name.as_ref()) {
                headers.push(header, value.as_ref());
            }
        }
        headers
    }

    fn push(&mut self, header: Header, value: &'h [u8]) {
        match self.first.iter_mut().find(|place| place.is_none()) {
            Some(place) => *place = Some((header, value)),
            None => self.others.push((header, value)),
        }
    }

    /// Returns the values of a header, one for each of its lines.
    pub(crate) fn values(&self, header: Header) -> impl Iterator<Item = &'h [u8]> {
        let lines = self.first.iter().map_while(Option::as_ref);
        let named = lines
            .chain(&self.others)
            .filter(move |(of, _)| *of == header);
        named.map(|(_, value)| *value)
    }
}

/// Holds the method and the path of a request, as the browser sent them: see
/// [`allow_cross_origin`](crate::session::SessionManagerBuilder::allow_cross_origin).
///
/// ```
/// use hardtack::session::RequestLine;
///
/// /// The payment provider posts to this page from a form on its own site.
/// fn is_payment_return(head: &RequestLine<'_>) -> bool {
///     head.method() == "POST" && head.path() == "/payment/return"
/// }
///
/// assert!(is_payment_return(&RequestLine::new("POST", "/payment/return", None)));
/// // The path is not decoded, so compare the whole of it: a prefix could name another page.
/// assert!(!is_payment_return(&RequestLine::new("POST", "/payment/return/../login", None)));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct RequestLine<'r> {
    method: &'r str,
    path: &'r str,
    authority: Option<&'r str>,
}

impl<'r> RequestLine<'r> {
    /// Makes a head from the method and path as the browser sent them, and from the authority
    /// (`host` or `host:port`) of the request's target: HTTP/2 has one, and HTTP/1.1 only if the
    /// target is a whole URL.
    ///
    /// ```
    /// use hardtack::session::RequestLine;
    ///
    /// let head = RequestLine::new("POST", "/login", Some("shop.example"));
    /// assert_eq!(head.path(), "/login");
    /// ```
    #[must_use]
    pub const fn new(
        method: &'r str,
        path: &'r str,
        authority: Option<&'r str>,
    ) -> RequestLine<'r> {
        RequestLine {
            method,
            path,
            authority,
        }
    }

    /// Returns the method as it was sent. Methods are case-sensitive.
    ///
    /// ```
    /// use hardtack::session::RequestLine;
    ///
    /// assert_eq!(RequestLine::new("post", "/", None).method(), "post"); // which is not POST
    /// ```
    #[must_use]
    pub const fn method(&self) -> &'r str {
        self.method
    }

    /// Returns the path as it was sent, without the query.
    ///
    /// ```
    /// use hardtack::session::RequestLine;
    ///
    /// assert_eq!(RequestLine::new("POST", "/%61", None).path(), "/%61"); // which is not `/a`
    /// ```
    #[must_use]
    pub const fn path(&self) -> &'r str {
        self.path
    }
}

/// Returns `true` for a request that may come from another origin.
pub(crate) type AllowCrossOrigin = Box<dyn Fn(&RequestLine<'_>) -> bool + Send + Sync>;

/// Holds the site's settings about origins.
#[derive(Default)]
pub(crate) struct OriginRules {
    pub(crate) trusted: TrustedOrigins,
    pub(crate) allow: Option<AllowCrossOrigin>,
}

impl fmt::Debug for OriginRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OriginRules")
            .field("trusted", &self.trusted)
            .field("allow", &self.allow.is_some())
            .finish()
    }
}

/// Says where a request comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RequestOrigin {
    /// The method changes nothing, so the origin was not asked for.
    SafeMethod,
    /// A page of this site, or the visitor (an address that was typed, a bookmark).
    SameOrigin,
    /// A page of an origin that the site trusts.
    Trusted,
    /// A page of another origin, which only `allow_cross_origin` lets pass.
    Allowed,
    /// No browser, or one from before 2020. No page can make a browser leave the fields out.
    NotABrowser,
    /// A page of another origin, or the fields are too odd to tell.
    Refused(CrossOrigin),
}

/// Describes a request that comes from another origin.
///
/// It prints as one line for the log, with the setting that would let the request pass. The origin
/// and the host are what the sender wrote, cut at 256 bytes and escaped: do not make them the label
/// of a metric.
///
/// ```
/// use hardtack::session::{CrossOrigin, CrossOriginReason};
///
/// fn alert(request: &CrossOrigin) {
///     if request.reason == CrossOriginReason::NoHost {
///         eprintln!("does the proxy pass `Host` on? {request}");
///     }
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CrossOrigin {
    /// The `Origin` field, if there is exactly one.
    pub origin: Option<String>,
    /// The host that the request asks for.
    pub host: Option<String>,
    /// The rule that refused it.
    pub reason: CrossOriginReason,
}

/// Says which rule refused a request.
///
/// ```
/// use hardtack::session::CrossOriginReason;
///
/// assert_eq!(CrossOriginReason::OtherHost.to_string(), "its origin is another host");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CrossOriginReason {
    /// `Sec-Fetch-Site` is neither `same-origin` nor `none`, or it is there twice.
    FetchSite,
    /// The origin is `null`: a sandboxed page, a file, or a redirect from another origin.
    OpaqueOrigin,
    /// There are several `Origin` fields, or one that a web page cannot have.
    MalformedOrigin,
    /// The origin is another host or port than the request asks for.
    OtherHost,
    /// The request has no `Host`, several, or one that does not read as a host. No origin can be its own.
    NoHost,
}

impl OriginRules {
    /// Returns where a request comes from.
    pub(crate) fn judge(
        &self,
        line: &RequestLine<'_>,
        headers: &RequestHeaders<'_>,
    ) -> RequestOrigin {
        if is_safe(line.method) && !is_websocket(headers.values(Header::Upgrade)) {
            return RequestOrigin::SafeMethod;
        }
        let origin = Field::read(headers.values(Header::Origin));
        if let Field::One(origin) = origin
            && self.trusted.contain(origin)
        {
            return RequestOrigin::Trusted;
        }
        let allowed = self.allow.as_ref().is_some_and(|allow| allow(line));
        match judge_fields(line, origin, headers) {
            // Even where the site allows other origins, its own requests are told apart: they may do
            // more.
            RequestOrigin::Refused(_) if allowed => RequestOrigin::Allowed,
            judged => judged,
        }
    }
}

/// Applies the tests that need no setting.
fn judge_fields<'r>(
    line: &RequestLine<'r>,
    origin: Field<'r>,
    headers: &RequestHeaders<'r>,
) -> RequestOrigin {
    let host = host(line, headers.values(Header::Host));
    let refuse = |reason| {
        RequestOrigin::Refused(CrossOrigin {
            origin: match origin {
                Field::One(origin) => Some(excerpt(origin)),
                Field::Absent | Field::Several => None,
            },
            host: host.map(|host| excerpt(host.as_bytes())),
            reason,
        })
    };
    // The browser's own judgement counts most: a proxy that rewrites `Host` does not mislead it.
    // A value from the future, such as for a new kind of relation, is refused.
    match Field::read(headers.values(Header::SecFetchSite)) {
        Field::One(b"same-origin" | b"none") => return RequestOrigin::SameOrigin,
        Field::One(_) | Field::Several => return refuse(CrossOriginReason::FetchSite),
        Field::Absent => {}
    }
    // Every browser since 2020 sends `Origin` with such a request.
    let origin = match origin {
        Field::Absent => return RequestOrigin::NotABrowser,
        Field::Several => return refuse(CrossOriginReason::MalformedOrigin),
        Field::One(b"null") => return refuse(CrossOriginReason::OpaqueOrigin),
        Field::One(origin) => origin,
    };
    let Some((origin, default_port)) = str::from_utf8(origin).ok().and_then(parse_http) else {
        return refuse(CrossOriginReason::MalformedOrigin);
    };
    // `http` and `https` of one host are not told apart: behind a proxy that ends TLS, nobody here
    // knows the scheme of the request. The port of the origin's scheme stands for both.
    let is_own = |own: &str| Authority::parse(own).is_some_and(|own| origin.is(own, default_port));
    // No page can set `X-Forwarded-Host` without the consent of this site (a CORS preflight).
    if host.is_some_and(is_own)
        || members(headers.values(Header::XForwardedHost))
            .any(|host| str::from_utf8(host).is_ok_and(is_own))
    {
        return RequestOrigin::SameOrigin;
    }
    refuse(match host.and_then(Authority::parse) {
        Some(_) => CrossOriginReason::OtherHost,
        None => CrossOriginReason::NoHost,
    })
}

/// Returns `true` for the methods that change nothing (RFC 9110, 9.2.1). `get` is another method.
fn is_safe(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS" | "TRACE")
}

/// Returns `true` if the request asks for a WebSocket (RFC 6455, 4.2.1): `websocket` is among the
/// protocols, in any case and any version. A handshake in HTTP/2 is a CONNECT (RFC 8441), which is
/// not a safe method.
fn is_websocket<'r>(upgrade: impl IntoIterator<Item = &'r [u8]>) -> bool {
    members(upgrade).any(|protocol| {
        let name = protocol
            .split(|byte| *byte == b'/')
            .next()
            .unwrap_or_default();
        name.trim_ascii().eq_ignore_ascii_case(b"websocket")
    })
}

/// Returns the host that the request asks for. The target's comes before `Host` (RFC 9112, 3.2.2).
/// Several `Host` fields do not count: the proxy in front may have read another one.
fn host<'r>(line: &RequestLine<'r>, host: impl IntoIterator<Item = &'r [u8]>) -> Option<&'r str> {
    match (line.authority, Field::read(host)) {
        (Some(authority), _) => Some(authority),
        (None, Field::One(host)) => str::from_utf8(host).ok(),
        (None, Field::Absent | Field::Several) => None,
    }
}

/// Holds a field that a request should have once at most.
#[derive(Clone, Copy)]
enum Field<'r> {
    Absent,
    One(&'r [u8]),
    Several,
}

impl<'r> Field<'r> {
    fn read(values: impl IntoIterator<Item = &'r [u8]>) -> Field<'r> {
        let mut values = values.into_iter();
        match (values.next(), values.next()) {
            (None, _) => Field::Absent,
            (Some(value), None) => Field::One(value.trim_ascii()),
            (Some(_), Some(_)) => Field::Several,
        }
    }
}

/// Returns the members of a list without quoted strings, over all its lines.
fn members<'r>(values: impl IntoIterator<Item = &'r [u8]>) -> impl Iterator<Item = &'r [u8]> {
    values
        .into_iter()
        .flat_map(|value| value.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
}

/// Makes a sender's text fit for the log: short, and without line breaks.
fn excerpt(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text.get(..256).unwrap_or(text));
    text.escape_debug().to_string()
}

impl fmt::Display for CrossOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origin = self.origin.as_deref().unwrap_or("an unknown origin");
        let host = self.host.as_deref().unwrap_or("an unknown host");
        write!(
            f,
            "a request from {origin} to {host} has no session: {}",
            self.reason
        )?;
        match (&self.origin, self.reason) {
            (Some(origin), CrossOriginReason::OtherHost | CrossOriginReason::NoHost) => write!(
                f,
                "; if this is your own page, let the proxy pass `Host` on, or set `trust_origin(\"{origin}\")`"
            ),
            (Some(origin), CrossOriginReason::FetchSite) if origin != "null" => write!(
                f,
                "; if the page may act for the visitor, set `trust_origin(\"{origin}\")`"
            ),
            _ => f.write_str("; if other sites may send this request, set `allow_cross_origin`"),
        }
    }
}

impl fmt::Display for CrossOriginReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CrossOriginReason::FetchSite => "`Sec-Fetch-Site` says that it comes from elsewhere",
            CrossOriginReason::OpaqueOrigin => {
                "its origin is `null`, as from a sandboxed page or after a redirect"
            }
            CrossOriginReason::MalformedOrigin => "its `Origin` is not that of one web page",
            CrossOriginReason::OtherHost => "its origin is another host",
            CrossOriginReason::NoHost => "it does not name one valid host",
        })
    }
}

#[cfg(test)]
mod tests;
