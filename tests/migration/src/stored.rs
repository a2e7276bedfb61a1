//! What a move from the store of another library to `hardtack-redis` has to do, on a real server.

use crate::{Answer, Ask, Now, after, before};
use hardtack::{Key, Keyring, session::SessionManager};
use redis::AsyncCommands as _;
use std::error::Error;

/// Sessions of these keys in the Redis of this address.
type Connect = fn(Keyring, &str) -> Result<SessionManager, Box<dyn Error>>;

/// How many people have a session of the old library.
const PEOPLE: u64 = 20;

/// Nobody listens there.
const DOWN: &str = "redis://127.0.0.1:1";

/// Sends requests to an application with a switch, whose old sessions are in Redis. `/old/7` logs user 7 in as the old
/// library did, and nobody with 0, with the theme `dark`; `/` returns the user, `/theme` the theme, `/logout` ends the session.
pub fn check_redis(
    old: &str,
    sessions: Connect,
    send: impl AsyncFn(SessionManager, &str, Now, Ask<'_>) -> Answer,
) {
    let Some(server) = servers::redis(&[]) else {
        return;
    };
    let redis = format!("redis://127.0.0.1:{}", server.port());
    let keyring = Keyring::new(Key::generate().unwrap());
    let new = sessions(keyring.clone(), &redis).unwrap();
    let down = sessions(keyring, DOWN).unwrap();
    actix_web::rt::System::new().block_on(async {
        let ask = async |now, path: &str, cookie: &str| {
            send(new.clone(), &redis, now, Ask { path, cookie }).await
        };
        let get = async |path: &str, cookie: &str| ask(before, path, cookie).await;
        let old_cookie = async |user: u64| {
            let line = set_cookie(&get(&format!("/old/{user}"), "").await, old);
            assert!(line.contains("Max-Age=2592000"), "{line}");
            pair(&line)
        };

        let mut people = Vec::new();
        for user in 1..=PEOPLE {
            people.push((format!("user {user}"), old_cookie(user).await));
        }
        // Nobody is logged out while the new store is down.
        for (_, cookie) in &people {
            let request = Ask { path: "/", cookie };
            let answer = send(down.clone(), &redis, before, request).await;
            assert_eq!((answer.status, answer.set_cookie), (503, vec![]));
        }
        // The first request of each takes the session over.
        let mut logins = Vec::new();
        for (user, cookie) in &people {
            let answer = get("/", cookie).await;
            assert_eq!((answer.status, &answer.body), (200, user));
            assert!(answer.removes(old), "{:?}", answer.set_cookie);
            let line = set_cookie(&answer, "__Host-session");
            // Remembered, and in the store: a ticket is short.
            assert!(line.contains("Max-Age=1209600"), "{line}");
            assert!(line.len() < 300, "{line}");
            logins.push(pair(&line));
            // The browser sent others before it had the answer.
            assert_eq!(&get("/", cookie).await.body, user);
        }
        // Each old session ends in a minute, also for copies of its cookie.
        assert_eq!(end_before(&redis, 60, 5).await, people.len());
        for (user, cookie) in &people {
            assert_eq!(&get("/", cookie).await.body, user);
        }
        assert_eq!(end_before(&redis, 5, 5).await, people.len());
        // From then on the new session does, also when the date has come.
        for ((user, _), login) in people.iter().zip(&logins) {
            for now in [before as Now, after] {
                let answer = ask(now, "/", login).await;
                assert_eq!((&answer.body, answer.set_cookie.len()), (user, 0));
                assert_eq!(ask(now, "/theme", login).await.body, "dark");
            }
        }
        assert!(!new.list("1").await.unwrap().is_empty());

        // The old session is ignored beside a login, and goes.
        let both = format!("{}; {}", old_cookie(99).await, logins[0]);
        let answer = get("/", &both).await;
        assert_eq!(answer.body, "user 1");
        assert!(answer.removes(old) && answer.set_cookie.len() == 1);
        // A visitor without a login keeps the rest.
        let answer = get("/", &old_cookie(0).await).await;
        assert_eq!(answer.body, "nobody");
        let line = set_cookie(&answer, "__Host-session");
        assert!(!line.contains("Max-Age"), "{line}");
        assert_eq!(get("/theme", &pair(&line)).await.body, "dark");
        // A logout ends both.
        let both = format!("{}; {}", old_cookie(99).await, logins[0]);
        let answer = get("/logout", &both).await;
        assert!(answer.removes(old) && answer.removes("__Host-session"));
        assert_eq!(get("/", &logins[0]).await.body, "nobody");
        // When the date has come, it is over.
        let answer = ask(after, "/", &old_cookie(99).await).await;
        assert_eq!(
            (answer.body.as_str(), answer.set_cookie.len()),
            ("nobody", 0)
        );
    });
}

fn set_cookie(answer: &Answer, name: &str) -> String {
    let mut lines = answer.set_cookie.iter();
    let line = lines.find(|line| line.starts_with(&format!("{name}=")));
    line.unwrap_or_else(|| panic!("no {name}: {}", answer.status))
        .clone()
}

fn pair(line: &str) -> String {
    line.split(';').next().unwrap_or_default().into()
}

/// Asserts that each record of the old library ends within these seconds, and ends it earlier. Returns their number.
async fn end_before(redis: &str, most: i64, then: i64) -> usize {
    let client = redis::Client::open(redis).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut keys: Vec<String> = connection.keys("*").await.unwrap();
    keys.retain(|key| !key.starts_with("hardtack:"));
    for key in &keys {
        let left: i64 = connection.ttl(key).await.unwrap();
        assert!((0..=most).contains(&left), "{left}");
        () = connection.expire(key, then).await.unwrap();
    }
    keys.len()
}
