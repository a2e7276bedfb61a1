//! What sessions cost that are encrypted and compare before they write, whoever makes them, with the client that hardtack
//! uses: the same bytes by hand, without a rule about times, logins, rivals or rotation.

use std::sync::Arc;

use base64_simd::URL_SAFE_NO_PAD;
use chacha20::{R20, hchacha};
use hkdf::Hkdf;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Script};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use sha2::{Digest, Sha256};
use tokio::runtime::Runtime;

use crate::app::{self, App, LOGIN, NAME, READ, UNTOUCHED, WRITE};
use crate::redis_peers::client;

/// The rows of the floor.
pub const BY_HAND: &str = "by hand";

const SWAP: &str = "if redis.call('GETRANGE', KEYS[1], 0, 23) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1";
const KEEP: u32 = 35 * 60 * 1_000;
/// As long as hardtack's record of a [`app::User`] is in front of the name.
const HEAD: usize = 80;
const NONCE: usize = 24;

pub struct Floor {
    connection: MultiplexedConnection,
    swap: Script,
    ticket_key: [u8; 32],
    salt: [u8; 32],
}

/// A record that was read.
struct Found {
    key: String,
    secret: [u8; 32],
    bytes: Vec<u8>,
    text: Vec<u8>,
}

impl Floor {
    async fn new(port: u16) -> Floor {
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let client = client(port);
        let connection = client.get_multiplexed_async_connection_with_config(&config);
        Floor {
            connection: connection.await.expect("Redis answers"),
            swap: Script::new(SWAP),
            ticket_key: rand::random(),
            salt: rand::random(),
        }
    }

    async fn log_in(&self) -> String {
        let ticket: [u8; 48] = rand::random();
        let (key, secret) = self.record(&ticket);
        let record = seal(&secret, key.as_bytes(), &text());
        let mut set = redis::cmd("SET");
        set.arg(&key).arg(record).arg("PX").arg(KEEP);
        let mut connection = self.connection.clone();
        let set = set.query_async::<()>(&mut connection).await;
        set.expect("Redis answers");
        let token = URL_SAFE_NO_PAD.encode_to_string(seal(&self.ticket_key, b"", &ticket));
        format!("session={token}")
    }

    async fn read(&self, cookie: &[u8]) -> String {
        let found = self.find(cookie).await;
        String::from_utf8(found.text[HEAD..].to_vec()).expect("it was a name")
    }

    async fn write(&self, cookie: &[u8]) {
        let found = self.find(cookie).await;
        let record = seal(&found.secret, found.key.as_bytes(), &text());
        let mut swap = redis::cmd("EVALSHA");
        swap.arg(self.swap.get_hash()).arg(1).arg(&found.key);
        swap.arg(&found.bytes[..NONCE]).arg(record).arg(KEEP);
        let connection = &mut self.connection.clone();
        let swapped: bool = match swap.query_async(connection).await {
            Ok(swapped) => swapped,
            Err(_unknown) => {
                let sent = self.swap.load_async(connection).await;
                sent.expect("Redis takes it");
                swap.query_async(connection).await.expect("Redis answers")
            }
        };
        assert!(swapped);
    }

    async fn find(&self, cookie: &[u8]) -> Found {
        let token = cookie.strip_prefix(b"session=").expect("it was set");
        let token = URL_SAFE_NO_PAD.decode_to_vec(token);
        let ticket = open(&self.ticket_key, b"", &token.expect("it is base64"));
        let (key, secret) = self.record(&ticket);
        let mut connection = self.connection.clone();
        let get = redis::cmd("GET")
            .arg(&key)
            .query_async(&mut connection)
            .await;
        let bytes: Vec<u8> = get.expect("Redis answers");
        let text = open(&secret, key.as_bytes(), &bytes);
        Found {
            key,
            secret,
            bytes,
            text,
        }
    }

    /// The name and the key of the record of a ticket: nobody has the key without the ticket.
    fn record(&self, ticket: &[u8]) -> (String, [u8; 32]) {
        let mut hash = Sha256::new_with_prefix(b"hardtack record v1\0session\0map\0");
        hash.update(&ticket[..16]);
        let name = hex::encode(&hash.finalize()[..16]);
        let mut key = [0; 32];
        let hkdf = Hkdf::<Sha256>::new(Some(&self.salt), &ticket[16..32]);
        hkdf.expand(&[], &mut key).expect("32 bytes are one block");
        (format!("hardtack:{name}"), key)
    }
}

fn text() -> Vec<u8> {
    [&[0; HEAD], NAME.as_bytes()].concat()
}

/// XChaCha20-Poly1305.
fn aead(key: &[u8; 32], nonce: &[u8; NONCE]) -> (LessSafeKey, Nonce) {
    let (head, tail) = nonce.split_at(16);
    let head: &[u8; 16] = head.try_into().expect("16 bytes");
    let subkey = hchacha::<R20>(key.into(), head.into());
    let key = UnboundKey::new(&CHACHA20_POLY1305, &subkey).expect("32 bytes");
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(tail);
    (LessSafeKey::new(key), Nonce::assume_unique_for_key(nonce))
}

fn seal(key: &[u8; 32], bound: &[u8], text: &[u8]) -> Vec<u8> {
    let header: [u8; NONCE] = rand::random();
    let mut sealed = [&header, text].concat();
    let (key, nonce) = aead(key, &header);
    let tag = key.seal_in_place_separate_tag(nonce, Aad::from(bound), &mut sealed[NONCE..]);
    sealed.extend_from_slice(tag.expect("it is short").as_ref());
    sealed
}

fn open(key: &[u8; 32], bound: &[u8], sealed: &[u8]) -> Vec<u8> {
    let (header, body) = sealed.split_first_chunk().expect("it is longer");
    let (key, nonce) = aead(key, header);
    let mut text = body.to_vec();
    let opened = key.open_in_place(nonce, Aad::from(bound), &mut text);
    let len = opened.expect("it is authentic").len();
    text.truncate(len);
    text
}

pub fn axum(runtime: Runtime, port: u16) -> App {
    use axum::Router;
    use axum::extract::State;
    use axum::http::{HeaderMap, header};
    use axum::routing::get;

    type Site = State<Arc<Floor>>;
    async fn read(site: Site, headers: HeaderMap) -> String {
        site.read(headers[header::COOKIE].as_bytes()).await
    }
    async fn write(site: Site, headers: HeaderMap) {
        site.write(headers[header::COOKIE].as_bytes()).await;
    }
    async fn log_in(site: Site) -> [(header::HeaderName, String); 1] {
        [(header::SET_COOKIE, site.log_in().await)]
    }
    let floor = runtime.block_on(Floor::new(port));
    let router = Router::new()
        .route(UNTOUCHED, get(|| async {}))
        .route(READ, get(read))
        .route(WRITE, get(write))
        .route(LOGIN, get(log_in))
        .with_state(Arc::new(floor));
    app::axum::app(BY_HAND, true, runtime, router)
}

pub fn actix(port: u16) -> App {
    use actix_web::http::header;
    use actix_web::{App as Application, HttpRequest, HttpResponse, web};

    type Site = web::Data<Floor>;
    fn cookie(request: &HttpRequest) -> &[u8] {
        let cookie = request.headers().get(header::COOKIE);
        cookie.expect("every request has one").as_bytes()
    }
    async fn read(site: Site, request: HttpRequest) -> String {
        site.read(cookie(&request)).await
    }
    async fn write(site: Site, request: HttpRequest) -> &'static str {
        site.write(cookie(&request)).await;
        ""
    }
    async fn log_in(site: Site) -> HttpResponse {
        let cookie = site.log_in().await;
        let mut response = HttpResponse::Ok();
        response
            .insert_header((header::SET_COOKIE, cookie))
            .body("")
    }
    let runtime = app::actix::runtime();
    let floor = Site::new(runtime.block_on(Floor::new(port)));
    let site = move || {
        Application::new()
            .app_data(floor.clone())
            .route(UNTOUCHED, web::get().to(async || ""))
            .route(READ, web::get().to(read))
            .route(WRITE, web::get().to(write))
            .route(LOGIN, web::get().to(log_in))
    };
    app::actix::app(BY_HAND, true, runtime, site)
}
