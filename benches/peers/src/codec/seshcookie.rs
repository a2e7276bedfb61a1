//! seshcookie: ring's ChaCha20-Poly1305 with a 96-bit nonce, JSON, a time inside. Its codec is private: it seals through the helper
//! of its own tests, and opens through its layer around a service that only takes the session out. The frame, whose time is
//! subtracted, is the same without a cookie. What remains includes the hash and the clone that its interface asks for.

use std::convert::Infallible;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::SystemTime;

use axum::extract::FromRequestParts;
use axum::http::{HeaderValue, Request, Response, header::COOKIE};
use serde::{Serialize, de::DeserializeOwned};
use seshcookie::{Session, SessionConfig, SessionKeys, SessionLayer};
use tower::{Layer, Service, service_fn};

use super::{About, Codec, Randomness};
use crate::payload::{Account, Numbers};

pub struct Seshcookie {
    account: SessionLayer<Account>,
    numbers: SessionLayer<Numbers>,
    text: SessionLayer<String>,
}

fn layer<T: Serialize>(key: &[u8]) -> SessionLayer<T> {
    let keys = SessionKeys::new(key).expect("32 bytes are a key");
    SessionLayer::new(keys, SessionConfig::default()).expect("the default configuration is good")
}

fn seal<T: Serialize>(layer: &SessionLayer<T>, value: &T) -> String {
    let token = seshcookie::__testing::encode_cookie_for_layer(layer, value, SystemTime::now());
    format!("session={token}")
}

fn open<T>(layer: &SessionLayer<T>, header: &str) -> Option<T>
where
    T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let mut request = Request::new(());
    let header = HeaderValue::from_str(header).expect("a token fits a header");
    request.headers_mut().insert(COOKIE, header);
    let mut service = layer.layer(service_fn(async |request: Request<()>| {
        let session = Session::<T>::from_request_parts(&mut request.into_parts().0, &()).await;
        Ok::<_, Infallible>(Response::new(
            session.expect("the layer is there").get().await,
        ))
    }));
    // Nothing in it ever waits, so it needs no runtime.
    match pin!(service.call(request)).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Ok(response)) => response.into_body(),
        Poll::Pending => unreachable!("nothing waits"),
    }
}

impl Codec for Seshcookie {
    const ABOUT: About = About {
        name: "seshcookie",
        randomness: Randomness::System,
        key_id: false,
        time: true,
    };
    const FRAME: Option<&str> = Some("seshcookie, frame");

    fn new() -> Self {
        let key: [u8; 32] = rand::random();
        Self {
            account: layer(&key),
            numbers: layer(&key),
            text: layer(&key),
        }
    }
    fn seal(&self, account: &Account) -> String {
        seal(&self.account, account)
    }
    fn open(&self, header: &str) -> Option<Account> {
        open(&self.account, header)
    }
    fn seal_numbers(&self, numbers: &Numbers) -> String {
        seal(&self.numbers, numbers)
    }
    fn open_numbers(&self, header: &str) -> Option<Numbers> {
        open(&self.numbers, header)
    }
    fn seal_text(&self, text: &str) -> String {
        seal(&self.text, &text.to_owned())
    }
    fn open_text(&self, header: &str) -> Option<impl AsRef<[u8]>> {
        open(&self.text, header)
    }
    fn frame(&self) {
        assert!(open(&self.account, "other=1").is_none());
    }
    fn value(header: &str) -> &str {
        header
            .strip_prefix("session=")
            .expect("the header starts with the name")
    }
}
