//! Origins and authorities as text.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{
    error::Error,
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
};

/// Holds the origins that may use the session although they are not the site's own.
///
/// Each is a serialized origin, as browsers write it in the `Origin` field (RFC 6454, 6.2):
/// `https://shop.example`, `http://localhost:3000`, `capacitor://localhost`.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrustedOrigins(Vec<String>);

impl TrustedOrigins {
    /// Adds an origin of any scheme.
    ///
    /// # Errors
    ///
    /// [`OriginError`] for a text that no browser sends as an origin. It would never match, so the
    /// setting would have no effect.
    pub(crate) fn trust(&mut self, origin: &str) -> Result<(), OriginError> {
        match check(origin) {
            Ok(()) => {
                self.0.push(origin.into());
                Ok(())
            }
            Err(reason) => Err(OriginError {
                origin: origin.into(),
                reason,
            }),
        }
    }

    /// Returns `true` if the origin is trusted. Bytes are compared, because browsers write an origin
    /// in one way only.
    pub(super) fn contain(&self, origin: &[u8]) -> bool {
        self.0.iter().any(|trusted| trusted.as_bytes() == origin)
    }
}

/// Says why a text is not the origin of anything that a browser could send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OriginError {
    origin: String,
    reason: String,
}

impl fmt::Display for OriginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the trusted origin {:?} {}", self.origin, self.reason)
    }
}

impl Error for OriginError {}

/// Finds what is wrong with a text as a serialized origin.
fn check(origin: &str) -> Result<(), String> {
    let wrong = |reason: &str| Err(reason.to_string());
    if origin == "null" {
        return wrong("comes from every sandboxed page and every file: it cannot be trusted");
    }
    if origin.contains('*') {
        return wrong("has a `*`: name each origin by itself");
    }
    if origin.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return wrong("has capital letters: browsers send lower case");
    }
    let Some((scheme, authority)) = origin.split_once("://") else {
        return wrong("is not of the form `scheme://host` or `scheme://host:port`");
    };
    if !is_scheme(scheme) {
        return wrong("does not begin with a scheme, such as `https`");
    }
    if let Some(bare) = origin.strip_suffix('/')
        && check(bare).is_ok()
    {
        return Err(format!("ends in `/`: write {bare:?}"));
    }
    if authority.contains(['/', '?', '#', '\\']) {
        return wrong("has a path: an origin is scheme, host and port");
    }
    if authority.contains('@') {
        return wrong("has user information: an origin is scheme, host and port");
    }
    // `://::1` has a host that lacks its brackets.
    if authority.is_empty()
        || authority
            .strip_prefix(':')
            .is_some_and(|port| !port.contains(':'))
    {
        return wrong("has no host");
    }
    let Some(Authority { host, port }) = Authority::parse(authority) else {
        return wrong(if authority.is_ascii() {
            "has an invalid host or port: a host is a name or an address (IPv6 in brackets), a port is 0 to 65535"
        } else {
            "has a host beyond ASCII: browsers send it as `xn--…`"
        });
    };
    if !is_canonical(host) {
        return wrong(
            "has an address that browsers write in another way, such as `[::1]` or `127.0.0.1`",
        );
    }
    match port {
        Some(port) if Some(port) == default_port(scheme) => Err(format!(
            "has the default port of its scheme: browsers leave `:{port}` out"
        )),
        _ => Ok(()),
    }
}

/// Holds a host and a port, as in `Host`, in a request's target, and behind `://` in an origin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Authority<'a> {
    host: &'a str,
    port: Option<u16>,
}

impl<'a> Authority<'a> {
    /// Reads `host` or `host:port`. Returns `None` for anything else, such as user information: two
    /// readers could see two hosts in it.
    pub(super) fn parse(text: &'a str) -> Option<Authority<'a>> {
        // In `[::1]:80` the colons within the brackets are not the port's.
        let host_end = match text.strip_prefix('[') {
            Some(address) => address.find(']')?.checked_add(2)?,
            None => text.find(':').unwrap_or(text.len()),
        };
        let (host, rest) = text.split_at_checked(host_end)?;
        let port = match rest.strip_prefix(':') {
            Some(port) => Some(parse_port(port)?),
            None if rest.is_empty() => None,
            None => return None,
        };
        let valid = match host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
        {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => {
                let is_host_byte =
                    |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
                !host.is_empty() && host.bytes().all(is_host_byte)
            }
        };
        valid.then_some(Authority { host, port })
    }

    /// Returns `true` if both name the same server, given the default port of the origin's scheme.
    /// Case does not count.
    pub(super) fn is(self, other: Authority<'_>, default_port: u16) -> bool {
        self.host.eq_ignore_ascii_case(other.host)
            && self.port.unwrap_or(default_port) == other.port.unwrap_or(default_port)
    }
}

/// Reads an origin that an HTTP server can have: its authority, and the default port of its scheme.
///
/// Returns `None` for any other. A page of `capacitor:` or of an extension is not from the site, even
/// if its host has the site's name. Such an origin can be trusted by a setting.
pub(super) fn parse_http(origin: &str) -> Option<(Authority<'_>, u16)> {
    let (scheme, authority) = origin.split_once("://")?;
    let http = ["http", "https"]
        .into_iter()
        .find(|http| scheme.eq_ignore_ascii_case(http))?;
    Some((Authority::parse(authority)?, default_port(http)?))
}

/// Returns the default port of a scheme (URL standard).
fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" | "ws" => Some(80),
        "https" | "wss" => Some(443),
        _ => None,
    }
}

/// Reads a port: digits without a zero in front. `u16` alone would take a plus sign too.
fn parse_port(digits: &str) -> Option<u16> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'));
    digits.parse().ok().filter(|_| plain)
}

/// Returns `true` for a scheme (RFC 3986, 3.1).
fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// Returns `false` for an address that browsers write in another way.
fn is_canonical(host: &str) -> bool {
    if let Some(address) = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
    {
        let Ok(parsed) = address.parse::<Ipv6Addr>() else {
            return false;
        };
        // Rust writes the IPv4 address in one that is mapped with dots, browsers do not.
        return match parsed.segments() {
            [0, 0, 0, 0, 0, 0xffff, high, low] => format!("::ffff:{high:x}:{low:x}") == address,
            _ => parsed.to_string() == address,
        };
    }
    // Browsers take a name whose last label is a number for an IPv4 address.
    let last = host
        .strip_suffix('.')
        .unwrap_or(host)
        .rsplit('.')
        .next()
        .unwrap_or_default();
    let is_number = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
    !is_number || host.parse::<Ipv4Addr>().is_ok()
}
