//! No page of the example site runs over the edge of the window, on a desktop and on a phone.

use e2e::{Browser, KEYS, Server};

/// The widths of a laptop and of a small phone.
const WIDTHS: [u32; 2] = [1280, 375];

/// A page in one of its states is at most this many screens long.
const MAX_SCREENS: f64 = 8.0;

const PAGES: [&str; 9] = [
    "/",
    "/login",
    "/register",
    "/goodbye",
    "/cart",
    "/preferences",
    "/ballast",
    "/operator",
    "/nowhere",
];

/// The elements that cross the left or the right edge, as text. The document itself is among them if something within
/// an element, such as a long word, makes it wider than the window.
const OVER_THE_EDGE: &str = "
    const width = document.documentElement.clientWidth;
    const over = [...document.querySelectorAll('body, body *')].filter(element => {
        const { left, right } = element.getBoundingClientRect();
        return left < -0.5 || right > width + 0.5;
    });
    if (document.documentElement.scrollWidth > width) over.push(document.documentElement);
    return over.map(element => element.outerHTML.slice(0, 80));";

fn check(browser: &Browser, what: &str) {
    for width in WIDTHS {
        browser.resize(width, 812);
        let over = browser.script(OVER_THE_EDGE);
        assert_eq!(over, serde_json::json!([]), "{what} at {width} px");
        let height = browser.script("return document.documentElement.scrollHeight / 812");
        assert!(
            height.as_f64().unwrap() < MAX_SCREENS,
            "{what} at {width} px: {height} screens"
        );
    }
}

#[test]
fn every_page_fits_the_window() {
    let server = Server::start("axum", KEYS);
    let browser = Browser::start();
    let open = |path: &str| browser.open(&format!("{}{path}", server.origin));
    let check_all = |state: &str| {
        for path in PAGES {
            open(path);
            check(&browser, &format!("{path}, {state}"));
        }
    };
    check_all("without a session");

    open("/login");
    browser.fill("#name", &"W".repeat(40));
    browser.fill("#password", "analytical engine");
    browser.follow("main form button");
    check(&browser, "/login, after a failed login");

    // The longest words: a name without a place to break, the menu in another language, two cookies, many events.
    open("/register");
    browser.fill("#name", &"W".repeat(40));
    browser.fill("#password", "analytical engine");
    browser.follow("main form button");
    for language in ["de", "fr"] {
        open("/preferences");
        browser.click(&format!("#language option[value='{language}']"));
        browser.follow("main form button");
        open("/ballast");
        browser.click("#kilobytes option[value='4']");
        browser.follow("main form button");
        check(&browser, "/ballast, with a message");
        open("/cart");
        browser.follow("[value=Biscuit]");
        for _ in 0..20 {
            open("/visits");
        }
        check_all(language);
    }
}

/// The pages that exist only with a store, and those of refusals.
#[test]
fn every_page_about_devices_fits_the_window() {
    let server = Server::start_in_memory("axum", KEYS);
    let browser = Browser::start();
    let open = |path: &str| browser.open(&format!("{}{path}", server.origin));
    let submit = |path: &str, name: &str, password: &str| {
        open(path);
        browser.fill("#name", name);
        browser.fill("#password", password);
        browser.follow("main form button");
    };
    let long = "W".repeat(40);
    submit("/register", &long, "analytical engine");
    for _ in 0..3 {
        browser.delete_cookies();
        submit("/login", &long, "analytical engine");
    }
    for language in ["en", "de", "fr"] {
        open("/preferences");
        browser.click(&format!("#language option[value='{language}']"));
        browser.follow("main form button");
        for path in ["/", "/devices"] {
            open(path);
            check(&browser, &format!("{path} of several devices, {language}"));
        }
        assert_eq!(browser.texts("#devices tr").len(), 4);
    }
    browser.follow("#devices button");
    check(&browser, "/devices, with a message");
    browser.script(
        "const form = document.querySelector('[action=\"/devices/others\"]');
         form.action = '/devices/person';",
    );
    browser.follow("[action='/devices/person'] button");
    assert_eq!(browser.text("h1"), "Not allowed");
    check(&browser, "what an administrator may do");

    browser.delete_cookies();
    submit("/login", "captain", "permission to board");
    open("/devices");
    browser.fill("#person", &long);
    browser.follow("[action='/devices/person'] button");
    check(&browser, "/devices of an administrator, with a message");

    browser.delete_cookies();
    while browser.texts("#name").len() == 1 || browser.path() != "/login" {
        submit("/login", &long, "difference engine");
    }
    assert_eq!(browser.text("h1"), "Too many attempts");
    check(&browser, "too many attempts");
}

/// Without a window that is too wide to fit, the test above could not fail.
#[test]
fn a_page_that_is_too_wide_is_found() {
    let browser = Browser::start();
    browser.resize(375, 812);
    for (body, over) in [
        ("<p>short", false),
        ("<p style='width:400px'>wide", true),
        (
            "<div style='width:100px;white-space:nowrap'>a line of text that is longer than any phone is wide, by far",
            true,
        ),
        ("<p style='margin-left:-20px'>left", true),
    ] {
        browser.open(&format!("data:text/html,<!doctype html>{body}"));
        let found = browser.script(OVER_THE_EDGE);
        assert_eq!(found != serde_json::json!([]), over, "{body}: {found}");
    }
}
