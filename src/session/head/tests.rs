use super::*;
use alloc::{format, vec, vec::Vec};
use proptest::prelude::*;

/// A request, as a line of text for each field.
#[derive(Clone, Debug)]
struct Request<'r> {
    head: RequestLine<'r>,
    fields: Vec<(&'static str, &'r [u8])>,
}

impl<'r> Request<'r> {
    fn new(method: &'r str) -> Request<'r> {
        Request {
            head: RequestLine::new(method, "/page", None),
            fields: vec![],
        }
    }

    /// A POST to this host.
    fn post(host: &'r str) -> Request<'r> {
        Request::new("POST").with("host", host)
    }

    fn with(self, name: &'static str, value: &'r str) -> Request<'r> {
        self.with_bytes(name, value.as_bytes())
    }

    fn with_bytes(mut self, name: &'static str, value: &'r [u8]) -> Request<'r> {
        self.fields.push((name, value));
        self
    }

    fn at(mut self, authority: &'r str) -> Request<'r> {
        self.head.authority = Some(authority);
        self
    }

    fn judged(&self, rules: &OriginRules) -> RequestOrigin {
        let fields = self.fields.iter().copied();
        rules.judge(&self.head, &RequestHeaders::read(fields))
    }

    fn verdict(&self) -> RequestOrigin {
        self.judged(&OriginRules::default())
    }

    fn reason(&self) -> Option<CrossOriginReason> {
        match self.verdict() {
            RequestOrigin::Refused(refused) => Some(refused.reason),
            _ => None,
        }
    }
}

fn trusting(origins: &[&str]) -> OriginRules {
    let mut rules = OriginRules::default();
    for origin in origins {
        rules.trusted.trust(origin).unwrap();
    }
    rules
}

fn allowing(allow: impl Fn(&RequestLine<'_>) -> bool + Send + Sync + 'static) -> OriginRules {
    OriginRules {
        allow: Some(Box::new(allow)),
        ..OriginRules::default()
    }
}

const EVIL: &str = "https://evil.example";

#[test]
fn only_the_four_safe_methods_pass_unseen() {
    for (method, safe) in [
        ("GET", true),
        ("HEAD", true),
        ("OPTIONS", true),
        ("TRACE", true),
        ("POST", false),
        ("PUT", false),
        ("PATCH", false),
        ("DELETE", false),
        ("CONNECT", false),
        ("PROPFIND", false),
        ("QUERY", false),
        // Methods are case-sensitive (RFC 9110, 9.1).
        ("get", false),
        ("Head", false),
        ("GET ", false),
        ("", false),
    ] {
        let request = Request::new(method)
            .with("host", "shop.example")
            .with("origin", EVIL);
        let request = request.with("sec-fetch-site", "cross-site");
        let is_safe = request.verdict() == RequestOrigin::SafeMethod;
        assert_eq!(is_safe, safe, "{method:?}");
        assert_eq!(request.reason().is_none(), safe, "{method:?}");
    }
}

#[test]
fn a_websocket_handshake_is_no_safe_request() {
    for (upgrade, is_handshake) in [
        (&["websocket"][..], true),
        (&["WebSocket"], true),
        (&["WEBSOCKET"], true),
        (&[" websocket\t"], true),
        (&["websocket/13"], true),
        (&["h2c, websocket"], true),
        (&["h2c,,WebSocket ,x"], true),
        (&["h2c", "websocket"], true),
        (&["h2c"], false),
        (&["websockets"], false),
        (&["x-websocket"], false),
        (&["TLS/1.0, websocket2"], false),
        (&[""], false),
        (&[], false),
    ] {
        for method in ["GET", "HEAD", "OPTIONS", "TRACE"] {
            let mut request = Request::new(method).with("host", "shop.example");
            for line in upgrade {
                request = request.with("upgrade", line);
            }
            let foreign = request.clone().with("origin", EVIL);
            assert_eq!(foreign.reason().is_some(), is_handshake, "{upgrade:?}");
            let own = request.with("origin", "https://shop.example").verdict();
            let expected = if is_handshake {
                RequestOrigin::SameOrigin
            } else {
                RequestOrigin::SafeMethod
            };
            assert_eq!(own, expected, "{upgrade:?}");
        }
    }
    let odd = Request::new("GET").with_bytes("upgrade", b"\xff, websocket");
    assert_eq!(
        odd.with("origin", EVIL).reason(),
        Some(CrossOriginReason::NoHost)
    );
}

#[test]
fn the_browsers_own_judgement_counts_before_the_origin() {
    for (values, expected) in [
        (&["same-origin"][..], None),
        (&["none"], None),
        (&[" none "], None),
        (&["same-site"], Some(CrossOriginReason::FetchSite)),
        (&["cross-site"], Some(CrossOriginReason::FetchSite)),
        // Unknown, empty, another case, twice.
        (&["same-party"], Some(CrossOriginReason::FetchSite)),
        (&[""], Some(CrossOriginReason::FetchSite)),
        (&["Same-Origin"], Some(CrossOriginReason::FetchSite)),
        (&["none;a"], Some(CrossOriginReason::FetchSite)),
        (&["same-origin, none"], Some(CrossOriginReason::FetchSite)),
        (
            &["same-origin", "same-origin"],
            Some(CrossOriginReason::FetchSite),
        ),
        (&["none", "cross-site"], Some(CrossOriginReason::FetchSite)),
        (&["", "none"], Some(CrossOriginReason::FetchSite)),
    ] {
        // Whatever `Origin` says: a proxy may have rewritten `Host`.
        for origin in [None, Some("https://shop.example"), Some(EVIL), Some("null")] {
            let mut request = Request::post("shop.example");
            for value in values {
                request = request.with("sec-fetch-site", value);
            }
            if let Some(origin) = origin {
                request = request.with("origin", origin);
            }
            assert_eq!(request.reason(), expected, "{values:?} {origin:?}");
            if expected.is_none() {
                assert_eq!(request.verdict(), RequestOrigin::SameOrigin);
            }
        }
    }
    let odd = Request::post("shop.example").with_bytes("sec-fetch-site", b"none\xff");
    assert_eq!(odd.reason(), Some(CrossOriginReason::FetchSite));
}

#[test]
fn without_either_field_it_is_no_browser() {
    for request in [
        Request::post("shop.example"),
        Request::new("POST"),
        Request::post("shop.example").with("referer", "https://evil.example/page"),
        Request::new("CONNECT").at("shop.example"),
    ] {
        assert_eq!(request.verdict(), RequestOrigin::NotABrowser);
    }
}

#[test]
fn an_origin_is_the_hosts_own_or_it_is_not() {
    for (origin, host, expected) in [
        ("https://shop.example", "shop.example", None),
        ("http://shop.example", "shop.example", None),
        ("https://Shop.Example", "shop.example", None),
        ("HTTPS://shop.example", "SHOP.EXAMPLE", None),
        ("https://shop.example", "shop.example:443", None),
        ("https://shop.example:443", "shop.example", None),
        ("http://shop.example", "shop.example:80", None),
        ("http://localhost:3000", "localhost:3000", None),
        ("http://127.0.0.1:3000", "127.0.0.1:3000", None),
        ("https://[2001:db8::1]", "[2001:db8::1]", None),
        ("https://[2001:db8::A]", "[2001:DB8::a]:443", None),
        ("http://[::1]:8080", "[::1]:8080", None),
        // The port of another scheme is another port.
        (
            "https://shop.example",
            "shop.example:80",
            Some(CrossOriginReason::OtherHost),
        ),
        (
            "http://shop.example",
            "shop.example:443",
            Some(CrossOriginReason::OtherHost),
        ),
        (
            "http://shop.example:8080",
            "shop.example",
            Some(CrossOriginReason::OtherHost),
        ),
        (
            "http://localhost:3000",
            "localhost:3001",
            Some(CrossOriginReason::OtherHost),
        ),
        (
            "http://[::1]:8080",
            "[::1]",
            Some(CrossOriginReason::OtherHost),
        ),
        ("http://[::1]", "[::2]", Some(CrossOriginReason::OtherHost)),
        // Another host, however alike.
        (EVIL, "shop.example", Some(CrossOriginReason::OtherHost)),
        (
            "https://www.shop.example",
            "shop.example",
            Some(CrossOriginReason::OtherHost),
        ),
        (
            "https://shop.example.evil.example",
            "shop.example",
            Some(CrossOriginReason::OtherHost),
        ),
        (
            "https://evilshop.example",
            "shop.example",
            Some(CrossOriginReason::OtherHost),
        ),
        (
            "https://shop.example.",
            "shop.example",
            Some(CrossOriginReason::OtherHost),
        ),
        // No host to be equal to.
        ("https://shop.example", "", Some(CrossOriginReason::NoHost)),
        (
            "https://shop.example",
            "shop.example:",
            Some(CrossOriginReason::NoHost),
        ),
        (
            "https://shop.example",
            "shop.example:0443",
            Some(CrossOriginReason::NoHost),
        ),
        (
            "https://shop.example",
            "shop.example:+443",
            Some(CrossOriginReason::NoHost),
        ),
        (
            "https://shop.example",
            "evil@shop.example",
            Some(CrossOriginReason::NoHost),
        ),
        (
            "https://shop.example",
            "shop.example, shop.example",
            Some(CrossOriginReason::NoHost),
        ),
        (
            "https://shop.example",
            "shop.example/",
            Some(CrossOriginReason::NoHost),
        ),
        ("http://[::1]", "::1", Some(CrossOriginReason::NoHost)),
        ("http://[::1]", "[::1", Some(CrossOriginReason::NoHost)),
        ("http://[::1]", "[::1]x", Some(CrossOriginReason::NoHost)),
        (
            "http://[::1]",
            "[::1%25eth0]",
            Some(CrossOriginReason::NoHost),
        ),
    ] {
        let request = Request::post(host).with("origin", origin);
        assert_eq!(request.reason(), expected, "{origin} {host}");
        if expected.is_none() {
            assert_eq!(request.verdict(), RequestOrigin::SameOrigin);
        }
    }
}

#[test]
fn a_malformed_origin_is_refused_whatever_the_host_is() {
    for origin in [
        &b""[..],
        b" ",
        b"shop.example",
        b"//shop.example",
        b"https:shop.example",
        b"https:/shop.example",
        b"https//shop.example",
        b"https://",
        b"https://:443",
        b"https://shop.example/",
        b"https://shop.example/page",
        b"https://shop.example?",
        b"https://shop.example#",
        b"https://shop.example\\",
        b"https://shop.example:",
        b"https://shop.example:https",
        b"https://shop.example:65536",
        b"https://shop.example:-443",
        b"https://user@shop.example",
        b"https://user:password@shop.example",
        b"https://shop.example@evil.example",
        b"https://shop.example https://shop.example",
        b"https://shop.example, https://shop.example",
        b"https://shop.example,",
        b"https://evil.example, https://shop.example",
        b"https://shop example",
        b"https://sh%6fp.example",
        b"https://*",
        b"https://sh\xf6p.example",
        b"https://sh\xc3\xb6p.example",
        b"https://shop.example\xff",
        b"https://[::1",
        b"https://::1",
        b"https://[shop.example]",
        b"https://https://shop.example",
        // A scheme that no page of an HTTP server has.
        b"capacitor://shop.example",
        b"ftp://shop.example",
        b"wss://shop.example",
        b"chrome-extension://shop.example",
        b"httpss://shop.example",
        b"://shop.example",
        b"NULL",
    ] {
        for host in ["shop.example", "evil.example", "::1", "[::1]", ""] {
            let request = Request::post(host).with_bytes("origin", origin);
            let text = String::from_utf8_lossy(origin);
            assert_eq!(
                request.reason(),
                Some(CrossOriginReason::MalformedOrigin),
                "{text}"
            );
        }
    }
    let own = "https://shop.example";
    let twice = Request::post("shop.example")
        .with("origin", own)
        .with("origin", own);
    assert_eq!(twice.reason(), Some(CrossOriginReason::MalformedOrigin));
    let null = Request::post("null").with("origin", "null");
    assert_eq!(null.reason(), Some(CrossOriginReason::OpaqueOrigin));
}

#[test]
fn the_targets_authority_comes_before_host_and_one_host_alone_counts() {
    let own = "https://shop.example";
    for (authority, hosts, expected) in [
        (Some("shop.example"), &[][..], None),
        (Some("shop.example:443"), &["evil.example"], None),
        (Some("shop.example"), &["a.example", "b.example"], None),
        (None, &["shop.example"], None),
        (
            Some("other.example"),
            &["shop.example"],
            Some(CrossOriginReason::OtherHost),
        ),
        // A target that names no host is not made good by `Host`.
        (Some(""), &["shop.example"], Some(CrossOriginReason::NoHost)),
        (
            Some("user@shop.example"),
            &["shop.example"],
            Some(CrossOriginReason::NoHost),
        ),
        (
            None,
            &["shop.example", "shop.example"],
            Some(CrossOriginReason::NoHost),
        ),
        (None, &["shop.example", ""], Some(CrossOriginReason::NoHost)),
        (None, &[], Some(CrossOriginReason::NoHost)),
    ] {
        let mut request = Request::new("POST").with("origin", own);
        request.head.authority = authority;
        for host in hosts {
            request = request.with("host", host);
        }
        assert_eq!(request.reason(), expected, "{authority:?} {hosts:?}");
    }
    let odd = Request::new("POST")
        .with_bytes("host", b"shop.example\xff")
        .with("origin", own);
    assert_eq!(odd.reason(), Some(CrossOriginReason::NoHost));
}

#[test]
fn a_forwarded_host_counts_too_and_each_of_a_list() {
    for (forwarded, own) in [
        (&["shop.example"][..], true),
        (&["SHOP.example:443"], true),
        (&["cdn.example, shop.example"], true),
        (&["cdn.example ,\tshop.example ,"], true),
        (&["cdn.example", "shop.example"], true),
        (&["user@shop.example, shop.example"], true),
        (&["cdn.example"], false),
        (&["shop.example.evil.example"], false),
        (&["https://shop.example"], false),
        (&["user@shop.example"], false),
        (&["shop.example:80"], false),
        (&["\"shop.example\""], false),
        (&["shop.example;shop.example"], false),
        (&[""], false),
    ] {
        for host in ["internal:8080", ""] {
            let mut request = Request::post(host).with("origin", "https://shop.example");
            for line in forwarded {
                request = request.with("x-forwarded-host", line);
            }
            assert_eq!(request.reason().is_none(), own, "{forwarded:?}");
        }
    }
    let null = Request::post("internal")
        .with("origin", "null")
        .with("x-forwarded-host", "null");
    assert_eq!(null.reason(), Some(CrossOriginReason::OpaqueOrigin));
    let odd = Request::post("internal")
        .with("origin", "https://shop.example")
        .with_bytes("x-forwarded-host", b"\xff, shop.example");
    assert_eq!(odd.verdict(), RequestOrigin::SameOrigin);
}

#[test]
fn a_trusted_origin_passes_before_all_else() {
    let rules = trusting(&["capacitor://localhost", "https://app.example"]);
    for origin in ["capacitor://localhost", "https://app.example"] {
        for site in [None, Some("cross-site"), Some("same-origin"), Some("")] {
            let mut request = Request::post("shop.example").with("origin", origin);
            if let Some(site) = site {
                request = request.with("sec-fetch-site", site);
            }
            assert_eq!(
                request.judged(&rules),
                RequestOrigin::Trusted,
                "{origin} {site:?}"
            );
        }
        let handshake = Request::new("GET")
            .with("upgrade", "websocket")
            .with("origin", origin);
        assert_eq!(handshake.judged(&rules), RequestOrigin::Trusted);
        let read = Request::new("GET").with("origin", origin);
        assert_eq!(read.judged(&rules), RequestOrigin::SafeMethod);
        // Twice is not once.
        let twice = Request::post("shop.example")
            .with("origin", origin)
            .with("origin", origin);
        assert!(matches!(twice.judged(&rules), RequestOrigin::Refused(_)));
    }
    for origin in [
        "https://app.example.",
        "https://app.example:443",
        "https://APP.example",
        "https://app.example, https://app.example",
        "http://app.example",
        "capacitor://localhost:80",
        "null",
        "",
        EVIL,
    ] {
        let request = Request::post("shop.example").with("origin", origin);
        assert!(
            matches!(request.judged(&rules), RequestOrigin::Refused(_)),
            "{origin}"
        );
    }
}

#[test]
fn what_is_allowed_passes_and_what_is_the_sites_own_is_told_apart() {
    let rules = allowing(|head| head.method() == "POST" && head.path() == "/page");
    let from = |method, origin| {
        let request = Request::new(method).with("host", "shop.example");
        request.with("origin", origin)
    };
    assert_eq!(from("POST", EVIL).judged(&rules), RequestOrigin::Allowed);
    assert_eq!(from("POST", "null").judged(&rules), RequestOrigin::Allowed);
    let site = from("POST", EVIL).with("sec-fetch-site", "cross-site");
    assert_eq!(site.judged(&rules), RequestOrigin::Allowed);
    assert!(matches!(
        from("PUT", EVIL).judged(&rules),
        RequestOrigin::Refused(_)
    ));
    for path in ["/pag%65", "/page/", "/Page", "//page"] {
        let mut other = from("POST", EVIL);
        other.head.path = path;
        assert!(
            matches!(other.judged(&rules), RequestOrigin::Refused(_)),
            "{path}"
        );
    }
    let own = from("POST", "https://shop.example");
    assert_eq!(own.judged(&rules), RequestOrigin::SameOrigin);
    let tool = Request::post("shop.example");
    assert_eq!(tool.judged(&rules), RequestOrigin::NotABrowser);

    // Asked only where it has something to say.
    let never = || allowing(|head| panic!("asked about {head:?}"));
    assert_eq!(
        from("GET", EVIL).judged(&never()),
        RequestOrigin::SafeMethod
    );
    let mut both = never();
    both.trusted.trust(EVIL).unwrap();
    assert_eq!(from("POST", EVIL).judged(&both), RequestOrigin::Trusted);
    assert!(!format!("{both:?}").is_empty());
}

#[test]
fn a_refusal_tells_the_log_what_came_and_what_to_set() {
    let refused = |request: Request<'_>| match request.verdict() {
        RequestOrigin::Refused(refused) => refused,
        other => panic!("{other:?}"),
    };
    let post = Request::post("shop.example");
    for (request, line) in [
        (
            post.clone().with("origin", EVIL),
            "a request from https://evil.example to shop.example has no session: its origin is another host; if this is your own page, let the proxy pass `Host` on, or set `trust_origin(\"https://evil.example\")`",
        ),
        (
            Request::new("POST").with("origin", EVIL),
            "a request from https://evil.example to an unknown host has no session: it does not name one valid host; if this is your own page, let the proxy pass `Host` on, or set `trust_origin(\"https://evil.example\")`",
        ),
        (
            post.clone()
                .with("origin", EVIL)
                .with("sec-fetch-site", "cross-site"),
            "a request from https://evil.example to shop.example has no session: `Sec-Fetch-Site` says that it comes from elsewhere; if the page may act for the visitor, set `trust_origin(\"https://evil.example\")`",
        ),
        (
            post.clone()
                .with("origin", "null")
                .with("sec-fetch-site", "cross-site"),
            "a request from null to shop.example has no session: `Sec-Fetch-Site` says that it comes from elsewhere; if other sites may send this request, set `allow_cross_origin`",
        ),
        (
            post.clone().with("origin", "null"),
            "a request from null to shop.example has no session: its origin is `null`, as from a sandboxed page or after a redirect; if other sites may send this request, set `allow_cross_origin`",
        ),
        (
            post.clone().with("origin", EVIL).with("origin", EVIL),
            "a request from an unknown origin to shop.example has no session: its `Origin` is not that of one web page; if other sites may send this request, set `allow_cross_origin`",
        ),
    ] {
        assert_eq!(refused(request).to_string(), line);
    }

    // No sender writes lines, control characters or pages of text into the log.
    let long = "x".repeat(10_000);
    let odd = refused(Request::post(&long).with_bytes("origin", b"a\n\x1b[31m\xff\"b"));
    assert_eq!(odd.origin.as_deref(), Some("a\\n\\u{1b}[31m\u{fffd}\\\"b"));
    assert_eq!(odd.host.map(|host| host.len()), Some(256));
}

#[test]
fn what_no_browser_sends_as_an_origin_cannot_be_trusted() {
    let error = |origin: &str| {
        TrustedOrigins::default()
            .trust(origin)
            .map_err(|error| error.to_string())
    };
    for origin in [
        "https://shop.example",
        "http://shop.example",
        "https://shop.example.",
        "https://shop_1.example:8443",
        "http://localhost:3000",
        "http://localhost:443",
        "https://localhost:80",
        "http://127.0.0.1",
        "http://[::1]:8080",
        "https://[2001:db8::1]",
        "https://[::ffff:102:304]",
        "https://xn--bcher-kva.example",
        "capacitor://localhost",
        "capacitor://localhost:80",
        "tauri://localhost",
        "app://obsidian.md",
        "app://.",
        "chrome-extension://abcdefghijklmnop",
        "moz-extension://0b2a4c1e-0000-4000-8000-000000000000",
        "ms-appx+web.1://a",
        "https://shop.example:0",
    ] {
        assert_eq!(error(origin), Ok(()), "{origin}");
    }
    for (origin, reason) in [
        (
            "null",
            "comes from every sandboxed page and every file: it cannot be trusted",
        ),
        ("*", "has a `*`: name each origin by itself"),
        (
            "https://*.shop.example",
            "has a `*`: name each origin by itself",
        ),
        (
            "https://Shop.example",
            "has capital letters: browsers send lower case",
        ),
        (
            "HTTPS://shop.example",
            "has capital letters: browsers send lower case",
        ),
        (
            "",
            "is not of the form `scheme://host` or `scheme://host:port`",
        ),
        (
            "shop.example",
            "is not of the form `scheme://host` or `scheme://host:port`",
        ),
        (
            "https:shop.example",
            "is not of the form `scheme://host` or `scheme://host:port`",
        ),
        (
            "file:",
            "is not of the form `scheme://host` or `scheme://host:port`",
        ),
        (
            "://shop.example",
            "does not begin with a scheme, such as `https`",
        ),
        (
            "1a://shop.example",
            "does not begin with a scheme, such as `https`",
        ),
        (
            " https://shop.example",
            "does not begin with a scheme, such as `https`",
        ),
        (
            "ht tps://shop.example",
            "does not begin with a scheme, such as `https`",
        ),
        (
            "https://shop.example/",
            "ends in `/`: write \"https://shop.example\"",
        ),
        (
            "https://shop.example//",
            "has a path: an origin is scheme, host and port",
        ),
        (
            "https://shop.example/page",
            "has a path: an origin is scheme, host and port",
        ),
        (
            "https://shop.example?a",
            "has a path: an origin is scheme, host and port",
        ),
        (
            "https://shop.example#a",
            "has a path: an origin is scheme, host and port",
        ),
        (
            "https://shop.example:443/",
            "has a path: an origin is scheme, host and port",
        ),
        ("file:///", "has a path: an origin is scheme, host and port"),
        (
            "https://ada@shop.example",
            "has user information: an origin is scheme, host and port",
        ),
        ("https://", "has no host"),
        ("https://:8443", "has no host"),
        (
            "https://shop.example:443",
            "has the default port of its scheme: browsers leave `:443` out",
        ),
        (
            "http://shop.example:80",
            "has the default port of its scheme: browsers leave `:80` out",
        ),
        (
            "ws://shop.example:80",
            "has the default port of its scheme: browsers leave `:80` out",
        ),
        (
            "wss://[::1]:443",
            "has the default port of its scheme: browsers leave `:443` out",
        ),
        (
            "https://b\u{fc}cher.example",
            "has a host beyond ASCII: browsers send it as `xn--…`",
        ),
        (
            "http://[0:0:0:0:0:0:0:1]",
            "has an address that browsers write in another way, such as `[::1]` or `127.0.0.1`",
        ),
        (
            "http://[::ffff:1.2.3.4]",
            "has an address that browsers write in another way, such as `[::1]` or `127.0.0.1`",
        ),
        (
            "http://127.1",
            "has an address that browsers write in another way, such as `[::1]` or `127.0.0.1`",
        ),
        (
            "http://127.0.0.01",
            "has an address that browsers write in another way, such as `[::1]` or `127.0.0.1`",
        ),
        (
            "http://127.0.0.1.",
            "has an address that browsers write in another way, such as `[::1]` or `127.0.0.1`",
        ),
    ] {
        let line = format!("the trusted origin {origin:?} {reason}");
        assert_eq!(error(origin), Err(line));
    }
    for origin in [
        "https://shop.example:",
        "https://shop.example:65536",
        "https://shop.example:0443",
        "https://shop.example:+1",
        "https://shop.example:a",
        "https://shop.example ",
        "https://shop example",
        "https://sh%6fp.example",
        "https://::1",
        "https://[::1",
        "https://[]",
        "https://shop.example\n",
    ] {
        let line = error(origin).unwrap_err();
        assert!(line.contains("has an invalid host or port"), "{line}");
    }
}

fn method() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("POST"),
        Just("PUT"),
        Just("DELETE"),
        Just("CONNECT"),
        Just("get"),
        Just("")
    ]
}

fn host() -> impl Strategy<Value = String> {
    prop_oneof![
        "(shop|app|evil)\\.example(:(80|443|8080))?",
        Just("[::1]".into()),
        Just("[::1]:443".into()),
        Just(String::new()),
        "[a-z:@./,\\[\\] ]{0,12}",
    ]
}

fn origin() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => ("(https?|capacitor|HTTPS)", host()).prop_map(|(scheme, host)| format!("{scheme}://{host}")),
        1 => Just("null".into()),
        1 => "[a-z:/,@ ]{0,16}",
    ]
}

proptest! {
    /// Said in the plainest way: the text behind `://`, less the default port, is one of the hosts.
    #[test]
    fn a_foreign_origin_never_passes_unless_the_site_says_so(
        method in method(),
        origin in origin(),
        hosts in proptest::collection::vec(host(), 0..3),
        authority in proptest::option::of(host()),
        forwarded in proptest::collection::vec(host(), 0..3),
        site in proptest::option::of("(cross-site|same-site|x|)"),
        settings in (any::<bool>(), any::<bool>()),
    ) {
        let plain = |host: &str, port: &str| {
            let host = host.trim().to_lowercase();
            host.strip_suffix(port).map(String::from).unwrap_or(host)
        };
        let port = match origin.to_lowercase().split("://").next() {
            Some("http") => ":80",
            _ => ":443",
        };
        let all_hosts = hosts.iter().chain(&authority).chain(&forwarded);
        let own = all_hosts.flat_map(|host| host.split(',')).any(|host| {
            origin.split_once("://").is_some_and(|(_, origin)| plain(origin, port) == plain(host, port))
        });

        let mut request = Request::new(method).with("origin", &origin);
        request.head.authority = authority.as_deref();
        for host in &hosts {
            request = request.with("host", host);
        }
        for host in &forwarded {
            request = request.with("x-forwarded-host", host);
        }
        if let Some(site) = &site {
            request = request.with("sec-fetch-site", site);
        }
        let verdict = request.verdict();
        match &verdict {
            RequestOrigin::SameOrigin => prop_assert!(own && site.is_none()),
            RequestOrigin::Refused(_) => {}
            other => prop_assert!(false, "{:?}", other),
        }

        // The settings let pass what they name, and change nothing else.
        let (trusts, allows) = settings;
        let mut rules = allowing(move |_| allows);
        if trusts {
            rules.trusted.trust("https://app.example").unwrap();
        }
        let expected = match verdict {
            _ if trusts && origin.trim() == "https://app.example" => RequestOrigin::Trusted,
            RequestOrigin::Refused(_) if allows => RequestOrigin::Allowed,
            verdict => verdict,
        };
        prop_assert_eq!(request.judged(&rules), expected);
    }

    /// No bytes panic, in any field.
    #[test]
    fn any_bytes_are_judged(
        values in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..24), 5),
        authority in proptest::option::of(".{0,12}"),
    ) {
        let names = ["origin", "host", "x-forwarded-host", "sec-fetch-site", "upgrade"];
        let mut request = Request::new("POST");
        request.head.authority = authority.as_deref();
        for (name, value) in names.into_iter().zip(&values) {
            request = request.with_bytes(name, value);
            let _ = request.verdict();
        }
    }
}

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
