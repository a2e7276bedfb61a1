//! The store on a real Redis.

use hardtack::store::{
    End, Expect, Found, Put, Store, StoreErrorKind, Swap, Tombstone,
    conformance::{self, Fixture},
};
use hardtack_redis::RedisStore;
use redis::Client;
use servers::{
    Fault, Proxy, Server, names_nothing, new_key, serves_sessions, survives_faults, works_again,
};
use std::{error::Error, time::Duration};

const HOUR: Duration = Duration::from_secs(3600);
/// Lets time pass: everything has that much less of it.
const ADVANCE: &str = include_str!("advance.lua");

fn client(port: u16) -> Client {
    Client::open(format!("redis://127.0.0.1:{port}")).unwrap()
}

fn store(port: u16) -> RedisStore {
    RedisStore::new(client(port))
}

async fn run<T: redis::FromRedisValue>(port: u16, command: &str) -> T {
    let mut words = command.split(' ');
    let mut run = redis::cmd(words.next().unwrap());
    for word in words {
        run.arg(word);
    }
    let client = client(port);
    let connection = client.get_multiplexed_async_connection();
    run.query_async(&mut connection.await.unwrap())
        .await
        .unwrap()
}

struct Redis(Server);

impl Fixture for Redis {
    type Store = RedisStore;

    async fn connect(&self, namespace: &str) -> RedisStore {
        store(self.0.port()).prefix(format!("{namespace}:"))
    }

    async fn advance(&self, by: Duration) -> bool {
        let client = client(self.0.port());
        let connection = client.get_multiplexed_async_connection();
        let mut advance = redis::cmd("EVAL");
        advance.arg(ADVANCE).arg(0).arg(by.as_millis() as u64);
        () = advance
            .query_async(&mut connection.await.unwrap())
            .await
            .unwrap();
        true
    }
}

fn create<'a>(key: &'a hardtack::store::RecordKey, record: &'a [u8]) -> Put<'a> {
    Put {
        key,
        expect: Expect::Absent,
        record,
        keep: HOUR,
        owner: None,
    }
}

#[tokio::test]
async fn passes_the_whole_suite() {
    let Some(server) = servers::redis(&[]) else {
        return;
    };
    let report = conformance::run(&Redis(server)).await;
    assert!(report.passed(), "{report}");
    assert_eq!(report.skipped().count(), 0, "{report}");
}

#[cfg(feature = "cluster")]
#[tokio::test]
async fn passes_the_whole_suite_on_a_cluster() {
    use hardtack_redis::RedisClusterStore;
    use redis::cluster::ClusterClientBuilder;

    struct Cluster(Vec<Server>);

    impl Fixture for Cluster {
        type Store = RedisClusterStore;

        async fn connect(&self, namespace: &str) -> RedisClusterStore {
            let nodes = self.0.iter().map(|node| node.port());
            let nodes = nodes.map(|port| format!("redis://127.0.0.1:{port}"));
            let store = RedisClusterStore::new(ClusterClientBuilder::new(nodes)).unwrap();
            store.prefix(format!("{namespace}:"))
        }

        async fn advance(&self, by: Duration) -> bool {
            for node in &self.0 {
                let client = client(node.port());
                let connection = client.get_multiplexed_async_connection();
                let mut advance = redis::cmd("EVAL");
                advance.arg(ADVANCE).arg(0).arg(by.as_millis() as u64);
                () = advance
                    .query_async(&mut connection.await.unwrap())
                    .await
                    .unwrap();
            }
            true
        }
    }

    let Some(nodes) = servers::redis_cluster() else {
        return;
    };
    let report = conformance::run(&Cluster(nodes)).await;
    assert!(report.passed(), "{report}");
    assert_eq!(report.skipped().count(), 0, "{report}");
}

#[tokio::test]
async fn broken_connections_are_errors_and_heal() {
    let Some(server) = servers::redis(&[]) else {
        return;
    };
    let proxy = Proxy::start(server.port());
    let store = store(proxy.port()).deadline(Duration::from_millis(300));
    survives_faults(&store, &proxy).await;
    proxy.set(Fault::Refuse);
    let key = new_key();
    let error = store.load(&key, None).await.unwrap_err();
    names_nothing(
        &error,
        &["127.0.0.1", &proxy.port().to_string(), "hardtack:"],
    );
}

#[tokio::test]
async fn restart_is_an_outage_and_no_logout() {
    let Some(mut server) = servers::redis(&[]) else {
        return;
    };
    let store = store(server.port()).deadline(Duration::from_millis(300));
    let key = new_key();
    store.check().await.unwrap();
    server.stop();
    let error = store.load(&key, None).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    server.restart();
    let done = works_again(|| store.put(create(&key, &[7; 40]))).await;
    assert_eq!(done, Swap::Done);
}

#[tokio::test]
async fn demoted_master_is_unavailable_until_it_is_promoted() {
    let Some(server) = servers::redis(&[]) else {
        return;
    };
    let store = store(server.port());
    let (key, record) = (new_key(), [7; 40]);
    () = run(server.port(), "REPLICAOF 127.0.0.1 1").await;
    let error = store.put(create(&key, &record)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert_eq!(error.source().unwrap().to_string(), "READONLY");
    () = run(server.port(), "REPLICAOF NO ONE").await;
    let done = works_again(|| store.put(create(&key, &record))).await;
    assert_eq!(done, Swap::Done);
}

#[tokio::test]
async fn forgotten_scripts_are_sent_again() {
    let Some(server) = servers::redis(&[]) else {
        return;
    };
    let store = store(server.port());
    for _ in 0..3 {
        () = run(server.port(), "SCRIPT FLUSH").await;
        let key = new_key();
        let done = store.put(create(&key, &[7; 40])).await.unwrap();
        assert_eq!(done, Swap::Done);
    }
}

#[tokio::test]
async fn full_server_refuses_writes_and_ends_sessions() {
    let Some(server) = servers::redis(&[]) else {
        return;
    };
    let store = store(server.port());
    let (key, record) = (new_key(), [7; 40]);
    let done = store.put(create(&key, &record)).await.unwrap();
    assert_eq!(done, Swap::Done);
    () = run(server.port(), "CONFIG SET maxmemory 1").await;
    let error = store.put(create(&new_key(), &record)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert_eq!(error.source().unwrap().to_string(), "OOM");
    let found = store.load(&key, Some(HOUR * 2)).await.unwrap();
    assert_eq!(found, Found::Record(record.to_vec()));
    for key in [key, new_key()] {
        let end = End {
            key: &key,
            expect: None,
            tombstone: Tombstone::Destroyed,
            grace: HOUR,
            owner: None,
        };
        assert_eq!(store.end(end).await.unwrap(), Swap::Done);
        let left = store.load(&key, None).await.unwrap();
        assert_eq!(left, Found::Ended(Tombstone::Destroyed));
    }
}

#[tokio::test]
async fn check_names_what_is_wrong() {
    let Some(server) = servers::redis(&[]) else {
        return;
    };
    let port = server.port();
    store(port).check().await.unwrap();
    () = run(
        port,
        "CONFIG SET maxmemory 100mb maxmemory-policy volatile-ttl",
    )
    .await;
    let error = store(port).check().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unsupported);
    assert!(error.source().unwrap().to_string().contains("noeviction"));
    () = run(port, "CONFIG SET maxmemory-policy noeviction").await;
    store(port).check().await.unwrap();

    () = run(port, "ACL SETUSER site on >hidden ~* +@all -hset").await;
    let url = format!("redis://site:hidden@127.0.0.1:{port}");
    let limited = RedisStore::new(Client::open(url.as_str()).unwrap());
    let error = limited.check().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    names_nothing(&error, &["hidden", "127.0.0.1", "hardtack:"]);
    let url = format!("redis://site:wrong@127.0.0.1:{port}");
    let stranger = RedisStore::new(Client::open(url.as_str()).unwrap());
    let error = stranger.check().await.unwrap_err();
    names_nothing(&error, &["wrong", "127.0.0.1"]);
}

#[tokio::test]
async fn what_is_neither_record_nor_tombstone_is_not_touched() {
    let Some(server) = servers::redis(&[]) else {
        return;
    };
    let store = store(server.port());
    let key = new_key();
    let hex: String = key.as_bytes().iter().map(|b| format!("{b:02x}")).collect();
    () = run(server.port(), &format!("SET hardtack:{hex} junk")).await;
    let error = store.load(&key, Some(HOUR)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    let error = store.put(create(&key, &[7; 40])).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    let left: String = run(server.port(), &format!("GET hardtack:{hex}")).await;
    assert_eq!(left, "junk");
}

#[tokio::test(flavor = "multi_thread")]
async fn serves_sessions_of_several_instances() {
    let Some(server) = servers::redis(&[]) else {
        return;
    };
    serves_sessions(async || store(server.port()), true).await;
}
