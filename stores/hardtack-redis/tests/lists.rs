//! Lists of an owner's sessions that are read while the sessions change.

use hardtack::store::{Expect, Owner, OwnerKey, Put, RecordKey, Store, Swap, Tag, Tombstone};
use hardtack_redis::RedisStore;
use servers::{PATIENT, create, ends_whoever_gets_new_ids, new_key};
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
                let renamed = store.rename(&from, put, Tombstone::Moved(to), HOUR).await;
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
