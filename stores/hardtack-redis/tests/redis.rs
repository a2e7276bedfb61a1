//! The store on a real Redis.

use hardtack::store::{
    End, Expect, Found, Put, Store, StoreErrorKind, Swap, Tombstone,
    conformance::{self, Fixture},
};
use hardtack_redis::RedisStore;
use redis::Client;
use servers::{
    Dump, Fault, Proxy, Server, costs_what_it_uses, moves_there_and_back, names_nothing, new_key,
    opens_no_record, serves_sessions, survives_faults, works_again,
};
use std::{
    error::Error,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    time::Duration,
};

const HOUR: Duration = Duration::from_secs(3600);
/// Lets time pass: everything has that much less of it.
const ADVANCE: &str = include_str!("advance.lua");

fn client(port: u16) -> Client {
    Client::open(format!("redis://127.0.0.1:{port}")).unwrap()
}

fn store(port: u16) -> RedisStore {
    RedisStore::new(client(port))
}

#[cfg(feature = "cluster")]
fn cluster(nodes: &[Server]) -> hardtack_redis::RedisClusterStore {
    let nodes = nodes.iter().map(Server::port);
    let nodes = nodes.map(|port| format!("redis://127.0.0.1:{port}"));
    let settings = redis::cluster::ClusterClientBuilder::new(nodes);
    hardtack_redis::RedisClusterStore::new(settings).unwrap()
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
    struct Cluster(Vec<Server>);

    impl Fixture for Cluster {
        type Store = hardtack_redis::RedisClusterStore;

        async fn connect(&self, namespace: &str) -> Self::Store {
            cluster(&self.0).prefix(format!("{namespace}:"))
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

#[cfg(feature = "cluster")]
#[tokio::test(flavor = "multi_thread")]
async fn serves_sessions_of_several_instances_on_a_cluster() {
    let Some(nodes) = servers::redis_cluster() else {
        return;
    };
    serves_sessions(async || cluster(&nodes), true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_move_there_and_back() {
    let Some(server) = servers::redis(&[]) else {
        return;
    };
    moves_there_and_back(store(server.port())).await;
}

/// The lines of the requests that reach a server. Those of scripts do not count.
struct Monitor(BufReader<TcpStream>, u16);

impl Monitor {
    fn start(port: u16) -> Monitor {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(b"MONITOR\r\n").unwrap();
        let mut lines = BufReader::new(stream);
        lines.read_line(&mut String::new()).unwrap();
        Monitor(lines, port)
    }

    /// The number of requests since the last call.
    async fn count(&mut self) -> usize {
        () = run(self.1, "ECHO enough").await;
        let mut count = 0;
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).unwrap();
            if line.contains("\"enough\"") {
                return count;
            }
            // What a new connection says of itself.
            let is_greeting = ["\"HELLO\"", "\"CLIENT\""]
                .iter()
                .any(|word| line.contains(word));
            count += usize::from(!line.contains(" lua]") && !is_greeting);
        }
    }
}

#[tokio::test]
async fn request_costs_what_it_uses() {
    let Some(server) = servers::redis(&[]) else {
        return;
    };
    let mut monitor = Monitor::start(server.port());
    costs_what_it_uses(store(server.port()), async || monitor.count().await).await;
}

#[tokio::test]
async fn dump_with_the_whole_keyring_opens_no_record() {
    let Some(server) = servers::redis(&[]) else {
        return;
    };
    let port = server.port();
    let dump = async || {
        let mut dump = Dump::new();
        let keys: Vec<String> = run(port, "KEYS *").await;
        for key in keys {
            let hex = key.rsplit(':').next().unwrap();
            let byte = |at: usize| u8::from_str_radix(&hex[2 * at..][..2], 16).unwrap();
            let name = std::array::from_fn(byte);
            if !key.contains("owner") {
                dump.push((name, run(port, &format!("GET {key}")).await));
                continue;
            }
            let index: Vec<(Vec<u8>, Vec<u8>)> = run(port, &format!("HGETALL {key}")).await;
            for (field, entry) in index {
                // Behind its end.
                dump.push((field.try_into().unwrap(), entry[13..].to_vec()));
            }
        }
        dump
    };
    opens_no_record(store(port), dump).await;
}
