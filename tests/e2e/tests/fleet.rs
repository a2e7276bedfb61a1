//! One site on three frameworks behind one nginx, with one keyring: a browser does not notice.

use e2e::{Browser, KEYS, Proxy, Server};
use std::collections::BTreeSet;

#[test]
fn a_session_begun_on_one_framework_continues_on_the_others() {
    let servers = ["axum", "actix", "rocket"].map(|example| Server::start(example, KEYS));
    let proxy = Proxy::start(&servers.each_ref());
    let browser = Browser::start();
    let open = |path: &str| browser.open(&format!("{}{path}", proxy.origin));

    open("/login");
    browser.fill("#name", "ada");
    browser.fill("#password", "analytical engine");
    browser.follow("main form button");
    open("/ballast");
    browser.click("#kilobytes option[value='4']");
    browser.follow("main form button");
    assert_eq!(browser.cookies().len(), 2);

    let mut served = BTreeSet::new();
    for count in 1..=9 {
        open("/cart");
        browser.follow("[value=Biscuit]");
        // Each server reads what another one wrote, and shows the message once.
        assert_eq!(browser.text("#count-Biscuit"), count.to_string());
        assert_eq!(browser.texts(".flash"), ["It is in your cart."]);
        open("/");
        assert_eq!(browser.text("#user"), "ada");
        assert!(browser.texts(".flash").is_empty());
        served.insert(browser.text("#server"));
    }
    assert_eq!(
        served,
        BTreeSet::from(["Actix Web", "Axum", "Rocket"].map(Into::into))
    );

    open("/");
    browser.follow("[action='/forget'] button");
    assert!(browser.cookies().is_empty());
}
