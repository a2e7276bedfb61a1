use crate::session::{
    cookie::SessionCookie,
    data::SessionData,
    head::{CrossOrigin, Header, RequestHead, RequestHeaders, RequestLine, RequestOrigin},
    manager::SessionManager,
};
use alloc::{boxed::Box, string::String, vec::Vec};
use core::net::Ipv4Addr;

#[cfg(feature = "unstable-device-bound")]
use crate::session::device::Unproven;

/// What a session needs to know of its request.
pub(super) struct RequestFacts {
    /// The lines of the Cookie header, joined: HTTP/2 may split it.
    cookies: Vec<u8>,
    pub(super) access: Access,
    /// Nobody sees the answer: a HEAD request, or a prefetch. It takes no flash message.
    pub(super) is_preview: bool,
    /// A person waits for the answer: not for that of a preview, or of an image on another page.
    pub(super) renews: bool,
    /// A browser drops a Secure cookie of the answer, as far as a developer's server can tell.
    pub(super) drops_cookies: bool,
    /// What becomes of the request if its session is bound to a device and has no proof.
    #[cfg(feature = "unstable-device-bound")]
    pub(super) unproven: Unproven,
    /// Host and path, for cookies that another domain can plant.
    location: Option<(Option<String>, String)>,
}

/// What a request may do with the session.
pub(super) enum Access {
    All,
    /// It comes from another origin, which the site allows. If no session of the present cookie counts, the browser
    /// has perhaps withheld one, and any write but a login would replace it.
    Allowed,
    Refused(Box<CrossOrigin>),
}

impl RequestFacts {
    pub(super) fn read<'h, H, N, V, T: SessionData>(
        head: &RequestHead<'h, H>,
        manager: &SessionManager<T>,
    ) -> RequestFacts
    where
        H: IntoIterator<Item = (&'h N, &'h V)> + Clone,
        N: AsRef<str> + ?Sized + 'h,
        V: AsRef<[u8]> + ?Sized + 'h,
    {
        let settings = manager.settings();
        let headers = RequestHeaders::read(head.headers.clone());
        let line = RequestLine::new(head.method, head.path, head.authority);
        let mut facts = RequestFacts {
            cookies: Vec::new(),
            access: Access::All,
            is_preview: false,
            renews: true,
            drops_cookies: false,
            #[cfg(feature = "unstable-device-bound")]
            unproven: Unproven::Counts,
            location: None,
        };
        match settings.origin.judge(&line, &headers) {
            RequestOrigin::Refused(request) => {
                facts.access = Access::Refused(Box::new(request));
                return facts;
            }
            RequestOrigin::Allowed => facts.access = Access::Allowed,
            RequestOrigin::SafeMethod
            | RequestOrigin::SameOrigin
            | RequestOrigin::Trusted
            | RequestOrigin::NotABrowser => {}
        }
        facts.cookies = joined(headers.values(Header::Cookie));
        #[cfg(feature = "unstable-device-bound")]
        if let Some(device) = &settings.device {
            facts.unproven = Unproven::of(device, head.method, head.path, &headers);
        }
        // The value is a token with parameters: `prefetch;prerender` is one, too.
        let is = |header, token: &[u8]| {
            headers.values(header).next().is_some_and(|line| {
                let value = line.split(|byte| *byte == b';').next().unwrap_or_default();
                value.trim_ascii().eq_ignore_ascii_case(token)
            })
        };
        facts.is_preview = head.method == "HEAD" || is(Header::SecPurpose, b"prefetch");
        facts.renews = !facts.is_preview && !is(Header::SecFetchMode, b"no-cors");
        facts.drops_cookies = cfg!(debug_assertions)
            && settings.cookie.is_secure()
            && is_over_http(head.authority, &headers);
        let formers = settings.formers.iter().map(|former| &former.cookie);
        facts.location = core::iter::once(&settings.cookie)
            .chain(formers)
            .any(SessionCookie::can_be_planted)
            .then(|| (host_name(head.authority, &headers), head.path.into()));
        facts
    }

    /// The same for a request that is for the session layer alone. Where it comes from is not judged, for only the
    /// browser itself can make it.
    #[cfg(feature = "unstable-device-bound")]
    pub(super) fn of_endpoint(headers: &RequestHeaders<'_>) -> RequestFacts {
        RequestFacts {
            cookies: joined(headers.values(Header::Cookie)),
            access: Access::All,
            is_preview: false,
            renews: true,
            drops_cookies: false,
            unproven: Unproven::Counts,
            location: None,
        }
    }

    pub(super) fn cookies(&self) -> &[u8] {
        &self.cookies
    }

    /// Returns the host that the request asked for, without its port.
    pub(super) fn host(&self) -> Option<&str> {
        let (host, _) = self.location.as_ref()?;
        host.as_deref()
    }

    pub(super) fn path(&self) -> &str {
        self.location.as_ref().map_or("/", |(_, path)| path)
    }
}

/// Joins the lines of the Cookie header.
fn joined<'h>(lines: impl IntoIterator<Item = &'h [u8]>) -> Vec<u8> {
    let mut lines = lines.into_iter();
    let mut cookies = lines.next().unwrap_or_default().to_vec();
    for line in lines {
        cookies.extend_from_slice(b"; ");
        cookies.extend_from_slice(line);
    }
    cookies
}

/// The name of the host, if it is one that can be a cookie's domain.
fn host_name(authority: Option<&str>, headers: &RequestHeaders<'_>) -> Option<String> {
    let header = headers.values(Header::Host).next();
    let host = match authority {
        Some(authority) => authority,
        None => core::str::from_utf8(header?).ok()?,
    };
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let is_name = |name: &str| {
        let mut bytes = name.bytes();
        bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
    };
    (is_name(name) && name.len() <= 253).then(|| name.to_ascii_lowercase())
}

/// Returns `true` for a host that is not this machine, over http: there, browsers take no Secure cookie.
/// They send `Sec-Fetch-Site` over https and to `localhost` only, and a proxy says what it speaks.
fn is_over_http(authority: Option<&str>, headers: &RequestHeaders<'_>) -> bool {
    let has = |header, start: &[u8]| {
        headers.values(header).any(|line| {
            line.get(..start.len())
                .is_some_and(|line| line.eq_ignore_ascii_case(start))
        })
    };
    let is_https = has(Header::SecFetchSite, b"")
        || has(Header::XForwardedProto, b"https")
        || has(Header::Origin, b"https:")
        || has(Header::Referer, b"https:");
    // An IPv6 address is not a name, and the usual one is this machine: `[::1]`.
    !is_https && host_name(authority, headers).is_some_and(|host| !is_loopback(&host))
}

fn is_loopback(host: &str) -> bool {
    let is_address = |host: &str| {
        host.parse::<Ipv4Addr>()
            .is_ok_and(|host| host.is_loopback())
    };
    host == "localhost" || host.ends_with(".localhost") || is_address(host)
}

#[cfg(test)]
mod tests {
    use super::{RequestHeaders, is_over_http};

    /// Where a developer looks at a debug build.
    #[test]
    fn a_host_that_is_not_this_machine_is_over_http_unless_something_says_https() {
        for (host, other, over_http) in [
            ("shop.example", ("accept", "https"), true),
            ("192.0.2.1:3000", ("accept", "https"), true),
            ("127.0.0.1.example", ("accept", "https"), true),
            ("mylocalhost:3000", ("accept", "https"), true),
            ("localhost:3000", ("accept", "https"), false),
            ("LOCALHOST", ("accept", "https"), false),
            ("app.site.localhost:3000", ("accept", "https"), false),
            ("127.9.0.1", ("accept", "https"), false),
            ("[::1]:3000", ("accept", "https"), false),
            ("shop.example", ("sec-fetch-site", "none"), false),
            ("shop.example", ("x-forwarded-proto", "HTTPS"), false),
            ("shop.example", ("x-forwarded-proto", "http"), true),
            ("shop.example", ("origin", "https://shop.example"), false),
            ("shop.example", ("origin", "http://shop.example"), true),
            ("shop.example", ("referer", "https://shop.example/"), false),
            ("shop.example", ("referer", "http://shop.example/"), true),
        ] {
            let headers = RequestHeaders::read([("host", host), other]);
            assert_eq!(is_over_http(None, &headers), over_http, "{host} {other:?}");
        }
    }
}
