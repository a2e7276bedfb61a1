//! The example site, clicked through in Chromium at http://localhost, with the default cookie.

use e2e::{Browser, KEYS, Server};
use std::path::Path;

/// A person at a browser, at one of the servers.
struct Visit {
    browser: Browser,
    origin: String,
}

impl Visit {
    fn open(&self, path: &str) {
        self.browser.open(&format!("{}{path}", self.origin));
    }

    fn log_in(&self, name: &str, password: &str) {
        self.open("/login");
        self.browser.fill("#name", name);
        self.browser.fill("#password", password);
        self.browser.follow("main form button");
    }

    fn is_logged_in(&self) -> bool {
        !self.browser.texts("#user").is_empty()
    }

    fn flashes(&self) -> Vec<String> {
        self.browser.texts(".flash")
    }

    /// Returns the names of the cookies. All of them have the default attributes.
    fn cookies(&self) -> Vec<String> {
        let cookies = self.browser.cookies();
        assert!(
            cookies.iter().all(|cookie| cookie.has_default_attributes()),
            "{cookies:?}"
        );
        cookies.iter().map(|cookie| cookie.name().into()).collect()
    }

    /// The operator's page knows the session's id.
    fn session_id(&self) -> String {
        self.open("/operator");
        self.browser.text("#session")
    }

    fn choose(&self, select: &str, value: &str) {
        self.browser
            .click(&format!("{select} option[value='{value}']"));
    }

    fn let_pass(&self, minutes: u16) {
        self.open("/operator");
        let script = format!("document.querySelector('[name=minutes]').value = {minutes}");
        self.browser.script(&script);
        self.browser.follow("[name=minutes]");
    }
}

const PASSWORD: &str = "analytical engine";
const ONE: [&str; 1] = ["__Host-session"];
const TWO: [&str; 2] = ["__Host-session", "__Host-session.1"];

fn nothing_read_nothing_set(visit: &Visit) {
    visit.open("/");
    assert!(visit.cookies().is_empty());
}

fn login_keeps_the_cart_and_changes_the_id(visit: &Visit) {
    visit.open("/cart");
    visit.browser.follow("[value=Limes]");
    visit.browser.follow("[value=Limes]");
    assert_eq!(visit.browser.path(), "/cart");
    assert_eq!(visit.browser.text("#count-Limes"), "2");
    assert_eq!(visit.cookies(), ONE);
    let before = visit.session_id();
    visit.log_in("ada", PASSWORD);
    assert_eq!(visit.browser.text("#user"), "ada");
    assert_ne!(visit.session_id(), before);
    visit.open("/cart");
    assert_eq!(visit.browser.text("#count-Limes"), "2");
}

fn a_message_is_shown_once(visit: &Visit) {
    visit.open("/cart");
    visit.browser.follow("[value=Rope]");
    assert_eq!(visit.flashes(), ["It is in your cart."]);
    visit.browser.reload();
    assert!(visit.flashes().is_empty());
    visit.open("/");
    assert!(visit.flashes().is_empty());
}

fn failed_logins_are_counted(visit: &Visit) {
    visit.log_in("ada", "difference engine");
    visit.log_in("nobody", PASSWORD);
    assert!(!visit.is_logged_in());
    assert_eq!(visit.flashes(), ["The name or the password is wrong."]);
    assert!(
        visit
            .browser
            .text("#failed")
            .starts_with("2 failed attempts.")
    );
    visit.log_in("ada", PASSWORD);
    visit.open("/login");
    assert!(visit.browser.texts("#failed").is_empty());
}

fn a_name_is_text(visit: &Visit) {
    visit.open("/register");
    let name = format!("<i id=bad>{}", &visit.origin[7..]);
    visit.browser.fill("#name", &name);
    visit.browser.fill("#password", "no markup");
    visit.browser.follow("main form button");
    assert_eq!(visit.browser.text("#user"), name);
    assert!(visit.browser.texts("#bad").is_empty());
}

fn preferences_survive_login_and_logout(visit: &Visit) {
    visit.open("/preferences");
    visit.choose("#theme", "dark");
    visit.choose("#language", "de");
    visit.browser.follow("main form button");
    let dark = |visit: &Visit| {
        let theme = visit
            .browser
            .script("return document.documentElement.dataset.theme");
        theme == "dark" && visit.browser.texts("nav a").contains(&"Warenkorb".into())
    };
    assert!(dark(visit));
    visit.log_in("ada", PASSWORD);
    assert!(dark(visit));
    visit.browser.follow("[action='/logout'] button");
    assert!(!visit.is_logged_in());
    assert!(dark(visit));
    assert_eq!(visit.flashes(), ["You are logged out."]);
}

fn chunks_grow_and_shrink(visit: &Visit) {
    let load = |kilobytes: &str| {
        visit.open("/ballast");
        visit.choose("#kilobytes", kilobytes);
        visit.browser.follow("main form button");
        visit.cookies()
    };
    visit.log_in("ada", PASSWORD);
    assert_eq!(load("2"), ONE);
    assert_eq!(load("4"), TWO);
    assert_eq!(visit.browser.texts("#cookies code"), TWO);
    // Too much is refused, and takes what was there with it, but not the session.
    load("8");
    assert!(visit.flashes()[0].starts_with("Not loaded"));
    assert!(visit.is_logged_in());
    assert_eq!(load("4"), TWO);
    assert_eq!(load("0"), ONE);
    assert!(visit.is_logged_in());
    load("4");
    visit.open("/");
    visit.browser.follow("[action='/forget'] button");
    assert_eq!(visit.browser.path(), "/goodbye");
    assert!(visit.cookies().is_empty());
}

fn a_copy_is_refused_after_logout(visit: &Visit) {
    visit.log_in("ada", PASSWORD);
    let copy = visit.browser.cookies().remove(0);
    visit.open("/");
    assert!(visit.is_logged_in());
    visit.browser.follow("[action='/forget'] button");
    visit.browser.put_cookie(&copy);
    visit.open("/");
    assert!(!visit.is_logged_in());
    assert_eq!(visit.browser.cookies()[0].value(), copy.value());
}

fn a_session_ends_when_it_is_not_used(visit: &Visit) {
    visit.log_in("ada", PASSWORD);
    visit.let_pass(25);
    assert!(visit.is_logged_in());
    visit.let_pass(25);
    assert!(visit.is_logged_in(), "the page above renewed it");
    visit.let_pass(31);
    assert!(!visit.is_logged_in());
    assert!(
        visit
            .browser
            .text("#events tr:first-child")
            .contains("IdleTimeout")
    );
}

fn a_session_ends_however_much_it_is_used(visit: &Visit) {
    visit.log_in("ada", PASSWORD);
    for _ in 0..28 {
        visit.let_pass(25);
        assert!(visit.is_logged_in());
    }
    visit.let_pass(25);
    assert!(!visit.is_logged_in());
    assert!(
        visit
            .browser
            .text("#events tr:first-child")
            .contains("AbsoluteTimeout")
    );
}

fn polling_keeps_no_session_alive(visit: &Visit) {
    // As the guide's recipe for polling has it. The answer is readable, and its status is the page's.
    let poll = |mode: &str| {
        visit.browser.script(&format!(
            "const pass = minutes => fetch('/operator/clock', {{
                 method: 'POST', body: new URLSearchParams({{ minutes }}), redirect: 'manual'
             }});
             await pass(20);
             const answer = await fetch('/cart', {{ mode: '{mode}' }});
             const length = (await answer.text()).length;
             await pass(20);
             return answer.status == 200 && length > 0;"
        ))
    };
    for (mode, lives) in [("cors", true), ("no-cors", false)] {
        visit.log_in("ada", PASSWORD);
        // The pages of the site forbid scripts, and this one is plain text.
        visit.open("/visits");
        assert_eq!(poll(mode), true);
        visit.open("/");
        assert_eq!(visit.is_logged_in(), lives, "{mode}");
    }
}

fn an_expired_session_is_named(visit: &Visit) {
    visit.log_in("ada", PASSWORD);
    visit.let_pass(31);
    assert_eq!(visit.flashes(), ["Your session has expired."]);
    visit.log_in("ada", PASSWORD);
    assert_eq!(visit.flashes(), ["Welcome aboard, ada."]);
}

fn a_name_is_kept_after_a_failed_login(visit: &Visit) {
    let name = |visit: &Visit| {
        visit
            .browser
            .script("return document.querySelector('#name').value")
    };
    visit.log_in("adda", PASSWORD);
    assert_eq!(name(visit), "adda");
    visit.open("/login");
    assert_eq!(name(visit), "");
    // Nobody has a name this long, and the session would be full of it.
    visit.open("/login");
    visit
        .browser
        .script("document.querySelector('#name').removeAttribute('maxlength')");
    let fill = "document.querySelector('#name').value = 'a'.repeat(5000)";
    visit.browser.script(fill);
    visit.browser.fill("#password", PASSWORD);
    visit.browser.follow("main form button");
    assert_eq!(visit.flashes(), ["The name or the password is wrong."]);
    assert_eq!(name(visit), "");
    visit.open("/register");
    visit.browser.fill("#name", "ada");
    visit.browser.fill("#password", PASSWORD);
    visit.browser.follow("main form button");
    assert_eq!(visit.flashes(), ["This name is taken."]);
    assert_eq!(name(visit), "ada");
}

fn a_ware_is_taken_out_of_the_cart(visit: &Visit) {
    visit.open("/cart");
    let remove = "[action='/cart/remove'] [value=Limes]";
    assert!(visit.browser.texts(remove).is_empty());
    visit.browser.follow("[value=Limes]");
    visit.browser.follow("[value=Limes]");
    for left in ["1", "0"] {
        visit.browser.follow(remove);
        assert_eq!(visit.browser.text("#count-Limes"), left);
        assert_eq!(visit.flashes(), ["It was taken out of your cart."]);
    }
    assert!(visit.browser.texts(remove).is_empty());
}

fn the_menu_marks_the_page(visit: &Visit) {
    for path in [
        "/",
        "/cart",
        "/preferences",
        "/ballast",
        "/operator",
        "/login",
    ] {
        visit.open(path);
        let marked =
            "return [...document.querySelectorAll('[aria-current=page]')].map(a => a.pathname)";
        assert_eq!(visit.browser.script(marked), serde_json::json!([path]));
    }
}

fn another_site_changes_nothing(visit: &Visit) {
    visit.log_in("ada", PASSWORD);
    for path in ["/logout", "/cart", "/preferences"] {
        let form = format!(
            "<form method=post action={}{path}><button name=ware value=Rope>",
            visit.origin
        );
        visit.browser.open(&format!("data:text/html,{form}"));
        visit.browser.follow("button");
        // Chromium has a page of its own for an empty answer.
        assert!(visit.browser.text("body").contains("403"), "{path}");
    }
    visit.open("/");
    assert!(visit.is_logged_in());
    assert_eq!(visit.browser.text("#items"), "0 items");
}

type Scene = (&'static str, fn(&Visit));

const SCENES: [Scene; 16] = [
    ("nothing read, nothing set", nothing_read_nothing_set),
    ("login", login_keeps_the_cart_and_changes_the_id),
    ("flash", a_message_is_shown_once),
    ("failed logins", failed_logins_are_counted),
    ("escaping", a_name_is_text),
    ("preferences", preferences_survive_login_and_logout),
    ("chunks", chunks_grow_and_shrink),
    ("copy", a_copy_is_refused_after_logout),
    ("idle timeout", a_session_ends_when_it_is_not_used),
    ("absolute timeout", a_session_ends_however_much_it_is_used),
    ("polling", polling_keeps_no_session_alive),
    ("expired", an_expired_session_is_named),
    ("name kept", a_name_is_kept_after_a_failed_login),
    ("cart", a_ware_is_taken_out_of_the_cart),
    ("menu", the_menu_marks_the_page),
    ("another site", another_site_changes_nothing),
];

/// Closes the browser and opens it again: a session without and one with "remember me".
fn remembered(origin: &str, profile: &Path) {
    for remember in [false, true] {
        let visit = Visit {
            browser: Browser::start_in(Some(profile)),
            origin: origin.into(),
        };
        visit.open("/login");
        assert!(!visit.is_logged_in());
        if remember {
            visit.browser.click("[name=remember]");
        }
        visit.browser.fill("#name", "ada");
        visit.browser.fill("#password", PASSWORD);
        visit.browser.follow("main form button");
        assert!(visit.is_logged_in());
        assert_eq!(visit.browser.cookies()[0].ends_with_browser(), !remember);
    }
    let visit = Visit {
        browser: Browser::start_in(Some(profile)),
        origin: origin.into(),
    };
    visit.open("/");
    assert!(visit.is_logged_in());
}

fn click_through(example: &str) {
    let server = Server::start(example, KEYS);
    let visit = Visit {
        browser: Browser::start(),
        origin: server.origin.clone(),
    };
    for (scene, play) in SCENES {
        eprintln!("{example}: {scene}");
        visit.open("/goodbye");
        visit.browser.delete_cookies();
        play(&visit);
    }
    drop(visit);
    remembered(&server.origin, tempfile::tempdir().unwrap().path());
}

#[test]
fn axum() {
    click_through("axum");
}

#[test]
fn actix() {
    click_through("actix");
}

#[test]
fn rocket() {
    click_through("rocket");
}
