//! The page "Your devices", for two people on several devices.

use crate::{
    instance::{Instance, Response, Result, key, program, request},
    store::Store,
};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const IPHONE: &str =
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Version/18.5 Safari/604.1";

/// One browser of one person.
struct Device<'s> {
    site: &'s Instance,
    browser: &'static str,
    cookie: Option<String>,
}

impl Device<'_> {
    fn new<'s>(site: &'s Instance, browser: &'static str) -> Device<'s> {
        Device {
            site,
            browser,
            cookie: None,
        }
    }

    fn ask(&mut self, method: &str, path: &str, form: &str) -> Result<Response> {
        let cookie = self.cookie.as_deref().unwrap_or_default();
        let headers = [("User-Agent", self.browser), ("Cookie", cookie)];
        let response = request(self.site.address, method, path, &headers, form)?;
        self.cookie = response.cookie.clone().or(self.cookie.take());
        Ok(response)
    }

    fn get(&mut self, path: &str) -> Result<String> {
        Ok(self.ask("GET", path, "")?.body)
    }

    fn log_in(&mut self, name: &str, password: &str) -> Result<()> {
        let form = format!("name={name}&password={}", password.replace(' ', "+"));
        assert_eq!(
            self.ask("POST", "/login", &form)?.header("location"),
            Some("/")
        );
        Ok(())
    }

    fn is_logged_in(&mut self) -> Result<bool> {
        Ok(self.get("/")?.contains("id=\"user\""))
    }

    /// Returns the ids that the page offers to log out.
    fn others(&mut self) -> Result<Vec<String>> {
        let page = self.get("/devices")?;
        let ids = page.split("name=\"id\" value=\"").skip(1);
        Ok(ids
            .map(|rest| rest.split('"').next().unwrap_or_default().to_owned())
            .collect())
    }
}

fn devices(example: &str, store: &Store) -> Result<()> {
    let site = Instance::start(example, store, &key())?;
    let [mut laptop, mut phone, mut bob, mut captain] =
        [FIREFOX, IPHONE, FIREFOX, FIREFOX].map(|browser| Device::new(&site, browser));

    assert_eq!(
        laptop.ask("GET", "/devices", "")?.header("location"),
        Some("/login")
    );
    assert!(!laptop.get("/")?.contains("href=\"/devices\""));
    laptop.log_in("ada", "analytical engine")?;
    phone.log_in("ada", "analytical engine")?;
    bob.ask("POST", "/register", "name=bob&password=12345678")?;
    assert!(laptop.get("/")?.contains("href=\"/devices\""));

    // Both devices of ada, and none of bob.
    let page = laptop.get("/devices")?;
    assert_eq!(page.matches("Firefox on Linux").count(), 1, "{page}");
    assert!(page.contains("Firefox on Linux <strong id=\"own\">"));
    assert!(page.contains("Safari on iPhone<br>"));
    let [of_the_phone] = &laptop.others()?[..] else {
        return Err("one other device".into());
    };

    // Another person's session stays, whatever id is sent.
    let response = bob.ask("POST", "/devices/end", &format!("id={of_the_phone}"))?;
    assert_eq!(response.header("location"), Some("/devices"));
    assert!(bob.get("/devices")?.contains("not a session of yours"));
    assert!(phone.is_logged_in()?);

    laptop.ask("POST", "/devices/end", &format!("id={of_the_phone}"))?;
    assert!(!phone.is_logged_in()?);
    assert!(phone.get("/")?.contains("You were logged out."));
    assert!(laptop.is_logged_in()? && bob.is_logged_in()?);
    assert!(laptop.others()?.is_empty());

    phone.log_in("ada", "analytical engine")?;
    laptop.ask("POST", "/devices/others", "")?;
    assert!(!phone.is_logged_in()?);
    assert!(laptop.is_logged_in()? && bob.is_logged_in()?);

    // Only the administrator ends the sessions of somebody else.
    assert!(!bob.get("/devices")?.contains("/devices/person"));
    assert_eq!(bob.ask("POST", "/devices/person", "name=ada")?.status, 403);
    assert!(laptop.is_logged_in()?);
    captain.log_in("captain", "permission to board")?;
    assert!(captain.get("/devices")?.contains("/devices/person"));
    captain.ask("POST", "/devices/person", "name=ada")?;
    assert!(
        captain
            .get("/devices")?
            .contains("Sessions of ada that ended: 1.")
    );
    assert!(!laptop.is_logged_in()?);
    assert!(bob.is_logged_in()? && captain.is_logged_in()?);
    Ok(())
}

/// A session in its cookie is in no list.
fn no_devices(example: &str) -> Result<()> {
    let site = Instance::start(example, &Store::Cookie, &key())?;
    let mut captain = Device::new(&site, FIREFOX);
    captain.log_in("captain", "permission to board")?;
    assert!(!captain.get("/")?.contains("/devices"));
    assert_eq!(captain.ask("GET", "/devices", "")?.status, 404);
    assert_eq!(
        captain.ask("POST", "/devices/person", "name=ada")?.status,
        404
    );
    Ok(())
}

fn arguments(example: &str) -> Result<()> {
    let help = program(example)?.arg("--help").output()?;
    let help = String::from_utf8(help.stdout)?;
    let first: Vec<&str> = help.lines().take(4).collect();
    assert!(
        first.iter().any(|line| line.contains("--store sqlite ")),
        "{help}"
    );
    for (arguments, error) in [
        (&["--store"][..], "--store needs a value"),
        (&["--store", "oracle"], "oracle"),
        (&["--shop"], "--shop"),
    ] {
        let output = program(example)?.args(arguments).output()?;
        assert!(!output.status.success());
        let text = String::from_utf8(output.stderr)?;
        assert!(text.contains(error), "{text}");
    }
    Ok(())
}

#[cfg(feature = "axum")]
#[test]
fn devices_are_listed_and_ended_on_axum() -> Result<()> {
    devices("axum", &Store::Memory)?;
    no_devices("axum")?;
    arguments("axum")
}

#[cfg(feature = "actix")]
#[test]
fn devices_are_listed_and_ended_on_actix() -> Result<()> {
    devices("actix", &Store::Memory)?;
    no_devices("actix")?;
    arguments("actix")
}

#[cfg(feature = "rocket")]
#[test]
fn devices_are_listed_and_ended_on_rocket() -> Result<()> {
    devices("rocket", &Store::Memory)?;
    no_devices("rocket")?;
    arguments("rocket")
}

#[cfg(all(feature = "axum", feature = "stores"))]
#[test]
fn devices_are_listed_and_ended_in_sqlite_on_axum() -> Result<()> {
    devices("axum", &Store::sqlite()?)
}

#[cfg(all(feature = "actix", feature = "stores"))]
#[test]
fn devices_are_listed_and_ended_in_sqlite_on_actix() -> Result<()> {
    devices("actix", &Store::sqlite()?)
}

#[cfg(all(feature = "rocket", feature = "stores"))]
#[test]
fn devices_are_listed_and_ended_in_sqlite_on_rocket() -> Result<()> {
    devices("rocket", &Store::sqlite()?)
}
