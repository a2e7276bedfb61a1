use alloc::vec::Vec;

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

#[cfg(test)]
mod tests {
    use super::{Header, RequestHeaders};
    use alloc::{
        string::{String, ToString as _},
        vec,
        vec::Vec,
    };

    #[test]
    fn a_header_is_known_in_any_case() {
        for (name, header) in [
            ("cookie", Header::Cookie),
            ("host", Header::Host),
            ("origin", Header::Origin),
            ("referer", Header::Referer),
            ("sec-fetch-dest", Header::SecFetchDest),
            ("sec-fetch-mode", Header::SecFetchMode),
            ("sec-fetch-site", Header::SecFetchSite),
            ("sec-purpose", Header::SecPurpose),
            ("sec-secure-session-id", Header::SecSecureSessionId),
            ("secure-session-response", Header::SecureSessionResponse),
            ("secure-session-skipped", Header::SecureSessionSkipped),
            ("upgrade", Header::Upgrade),
            ("x-forwarded-host", Header::XForwardedHost),
            ("x-forwarded-proto", Header::XForwardedProto),
        ] {
            let (first, rest) = name.split_at(1);
            let capital = [&first.to_uppercase(), rest].concat();
            for name in [name, &name.to_uppercase(), &capital] {
                assert_eq!(Header::of(name), Some(header), "{name}");
            }
            // As long, with the same ends.
            let (middle, end) = rest.split_at(rest.len() - 2);
            let other = [first, &"x".repeat(middle.len()), end].concat();
            assert_eq!(Header::of(&other), None, "{other}");
        }
        for other in ["", "c", "ie", "cookie2", "kookie", "sec-fetch-user"] {
            assert_eq!(Header::of(other), None, "{other}");
        }
        // The sign of Kelvin is a K to some, and takes three bytes.
        assert_eq!(Header::of("coo\u{212a}"), None);
    }

    /// The sender chooses how many there are.
    #[test]
    fn every_line_of_a_header_is_found() {
        for count in 0..20 {
            let values: Vec<String> = (0..count).map(|n| n.to_string()).collect();
            let cookies = values.iter().map(|value| ("Cookie", value.as_str()));
            let mut lines = vec![("host", "a"), ("accept", "b")];
            lines.extend(cookies);
            lines.push(("origin", "c"));
            let headers = RequestHeaders::read(lines);
            let found = headers.values(Header::Cookie);
            assert!(found.eq(values.iter().map(String::as_bytes)), "{count}");
            assert!(headers.values(Header::Host).eq([b"a"]));
            assert!(headers.values(Header::Origin).eq([b"c"]));
            assert_eq!(headers.values(Header::Upgrade).count(), 0);
        }
    }
}
