//! Lists of an owner's sessions that are read while the sessions change.

#[cfg(feature = "cluster")]
mod fake;

use hardtack::store::{Expect, Owner, OwnerKey, Put, RecordKey, Store, Swap, Tag, Tombstone};
use hardtack_redis::RedisStore;
use servers::{AT, PATIENT, create, ends_whoever_gets_new_ids, new_key};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinSet;

const HOUR: Duration = Duration::from_secs(3_600);
const OWNER: OwnerKey = OwnerKey::from_bytes([7; 16]);

fn owned<'a>(key: &'a RecordKey, record: &'a [u8]) -> Put<'a> {
    let owner = Owner {
        key: &OWNER,
        about: b"phone",
        keep: HOUR,
    };
    Put {
        owner: Some(owner),
        ..create(key, record)
    }
}

fn store(port: u16) -> RedisStore {
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}")).unwrap();
    RedisStore::new(client).deadline(PATIENT)
}

/// A thief whose session is missed would survive "log out everywhere".
#[tokio::test(flavor = "multi_thread")]
async fn session_that_gets_new_ids_is_in_every_list() {
    let Some(server) = servers::redis(&[]) else {
        return;
    };
    let store = store(server.port());
    let over = Arc::new(AtomicBool::new(false));
    let mut renames = JoinSet::new();
    for _ in 0..4 {
        let (mut from, record) = (new_key(), [7; 40]);
        store.put(owned(&from, &record)).await.unwrap();
        let (store, over) = (self::store(server.port()), over.clone());
        renames.spawn(async move {
            let tag = Tag::of(&record).unwrap();
            while !over.load(Ordering::Relaxed) {
                let to = new_key();
                let put = Put {
                    expect: Expect::Tag(&tag),
                    ..owned(&to, &record)
                };
                let renamed = store
                    .rename(&from, put, Tombstone::Moved(to, AT), HOUR)
                    .await;
                assert_eq!(renamed.unwrap(), Swap::Done);
                from = to;
            }
        });
    }
    for _ in 0..200 {
        assert_eq!(store.owned(&OWNER).await.unwrap().len(), 4);
    }
    over.store(true, Ordering::Relaxed);
    renames.join_all().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn end_of_all_sessions_ends_one_that_gets_new_ids() {
    let Some(server) = servers::redis(&[]) else {
        return;
    };
    ends_whoever_gets_new_ids(async || store(server.port())).await;
}

#[cfg(feature = "cluster")]
mod cluster {
    use super::*;
    use fake::Fake;
    use redis::cluster::{ClusterClient, ClusterClientBuilder};
    use servers::{Server, end};

    fn cluster(ports: impl IntoIterator<Item = u16>) -> (RedisStore<ClusterClient>, ClusterClient) {
        let nodes = ports.into_iter();
        let nodes: Vec<_> = nodes
            .map(|port| format!("redis://127.0.0.1:{port}"))
            .collect();
        let settings = || ClusterClientBuilder::new(nodes.clone());
        let store = RedisStore::cluster(settings()).unwrap().deadline(PATIENT);
        (store, settings().build().unwrap())
    }

    /// Its entry is written before its record. Once deleted, nobody would write it again.
    #[tokio::test]
    async fn session_that_is_listed_while_it_is_created_is_listed_afterwards() {
        let Some(nodes) = servers::redis_cluster() else {
            return;
        };
        let (store, client) = cluster(nodes.iter().map(Server::port));
        let mut connection = client.get_async_connection().await.unwrap();
        let [other, key, ended] = [(); 3].map(|()| new_key());
        store.put(owned(&other, &[7; 40])).await.unwrap();
        store.put(owned(&ended, &[7; 40])).await.unwrap();
        store.end(end(&ended)).await.unwrap();
        // As far as it has come.
        let index = OWNER.to_text("hardtack:owner:");
        let entry = (key.as_bytes(), "9999999999999phone");
        () = redis::Cmd::hset(&index, entry.0, entry.1)
            .query_async(&mut connection)
            .await
            .unwrap();
        let listed = async || {
            let listed = store.owned(&OWNER).await.unwrap();
            listed.into_iter().map(|one| one.key).collect::<Vec<_>>()
        };
        assert_eq!(listed().await, [other]);
        store.put(create(&key, &[7; 40])).await.unwrap();
        assert_eq!(listed().await, [other, key]);
        let hlen = redis::Cmd::hlen(index);
        let entries: usize = hlen.query_async(&mut connection).await.unwrap();
        assert_eq!(entries, 2, "but not that of a tombstone");
    }

    /// An index that names this record.
    fn index(name: &str) -> &'static str {
        format!("*2\r\n$16\r\n{name:0<16}\r\n$18\r\n9999999999999phone\r\n").leak()
    }

    /// The new id came into the index when it had been read, and the old one ended before its record was looked at.
    #[tokio::test]
    async fn session_that_gets_a_new_id_while_it_is_listed_is_listed() {
        let (before, after) = (index("before"), index("after"));
        let fake = Fake::start(&[before, ":17\r\n", ":1\r\n", after, ":40\r\n"]).await;
        let (store, _) = cluster([fake.port]);
        let listed = store.owned(&OWNER).await.unwrap();
        let listed: Vec<_> = listed.iter().map(|one| *one.key.as_bytes()).collect();
        assert_eq!(listed, [*b"after00000000000"]);
        let seen = ["HGETALL", "STRLEN", "HDEL", "HGETALL", "STRLEN"];
        assert_eq!(fake.seen().0, seen);
    }

    /// Somebody may do nothing but ask for new ids.
    #[tokio::test]
    async fn list_of_a_session_that_gets_a_new_id_each_time_has_an_end() {
        let read = [index("before"), ":17\r\n", ":1\r\n"];
        let fake = Fake::start(&read.repeat(20)).await;
        let (store, _) = cluster([fake.port]);
        assert!(store.owned(&OWNER).await.unwrap().is_empty());
        let reads = fake.seen().0.into_iter().filter(|name| name == "HGETALL");
        assert_eq!(reads.count(), 8);
    }
}
