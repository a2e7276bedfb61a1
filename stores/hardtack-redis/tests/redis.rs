//! The store on a real Redis.

mod fake;

use fake::{Fake, SILENCE};
use hardtack::store::{
    End, Expect, Found, Owner, OwnerKey, Put, RecordKey, Store, StoreErrorKind, Swap, Tag,
    Tombstone,
    conformance::{self, Fixture},
};
use hardtack_redis::RedisStore;
use redis::{AsyncConnectionConfig, Client, aio::MultiplexedConnection};
use servers::{
    AT, Broken, Dump, Engine, Fault, PATIENT, Proxy, Server, costs_what_it_uses, create, end,
    ends_at, names_nothing, new_key, opens_no_record, rename_onto_another_record_changes_nothing,
    serves_sessions, sessions_survive, survives_faults, works_again,
};
use std::{
    collections::BTreeMap,
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
    RedisStore::new(client(port)).deadline(PATIENT)
}

#[cfg(feature = "cluster")]
fn settings(nodes: &[Server]) -> redis::cluster::ClusterClientBuilder {
    let nodes = nodes.iter().map(Server::port);
    let nodes = nodes.map(|port| format!("redis://127.0.0.1:{port}"));
    redis::cluster::ClusterClientBuilder::new(nodes)
}

#[cfg(feature = "cluster")]
fn cluster(nodes: &[Server]) -> RedisStore<redis::cluster::ClusterClient> {
    RedisStore::cluster(settings(nodes)).unwrap()
}

/// A connection that waits as long as it takes.
async fn connection(port: u16) -> MultiplexedConnection {
    let patient = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None);
    let client = client(port);
    let connection = client.get_multiplexed_async_connection_with_config(&patient);
    connection.await.unwrap()
}

async fn run<T: redis::FromRedisValue>(port: u16, command: &str) -> T {
    let mut words = command.split(' ');
    let mut run = redis::cmd(words.next().unwrap());
    for word in words {
        run.arg(word);
    }
    run.query_async(&mut connection(port).await).await.unwrap()
}

/// Lets time pass for what is in this server.
async fn advance(port: u16, by: Duration) {
    let mut advance = redis::cmd("EVAL");
    advance.arg(ADVANCE).arg(0).arg(by.as_millis() as u64);
    () = advance
        .query_async(&mut connection(port).await)
        .await
        .unwrap();
}

struct Redis(Server);

impl Fixture for Redis {
    type Store = RedisStore;

    async fn connect(&self, namespace: &str) -> RedisStore {
        store(self.0.port()).prefix(format!("{namespace}:"))
    }

    async fn advance(&self, by: Duration) -> bool {
        advance(self.0.port(), by).await;
        true
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
        type Store = RedisStore<redis::cluster::ClusterClient>;

        async fn connect(&self, namespace: &str) -> Self::Store {
            cluster(&self.0).prefix(format!("{namespace}:"))
        }

        async fn advance(&self, by: Duration) -> bool {
            for node in &self.0 {
                advance(node.port(), by).await;
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
    let store = store(proxy.port());
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
    let store = store(server.port());
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
        assert_eq!(store.end(end(&key)).await.unwrap(), Swap::Done);
        let left = store.load(&key, None).await.unwrap();
        assert_eq!(left, Found::Ended(Tombstone::Destroyed(AT)));
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

    let readme = include_str!("../README.md");
    let (_, commands) = readme.split_once("A user needs `~PREFIX*` and `").unwrap();
    let (commands, _) = commands.split_once('`').unwrap();
    let commands = commands.replace('\n', " ");
    let user = format!("ACL SETUSER readme on >hidden resetkeys ~hardtack:* -@all {commands}");
    () = run(port, &user).await;
    let url = format!("redis://readme:hidden@127.0.0.1:{port}");
    let enough = RedisStore::new(Client::open(url).unwrap());
    enough.check().await.unwrap();

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

#[tokio::test]
async fn refused_call_is_tried_4_times_each_on_a_new_connection() {
    let refusals = [
        "-ASK 1 127.0.0.1:1\r\n",
        "-CLUSTERDOWN down\r\n",
        "-LOADING Redis is loading the dataset in memory\r\n",
        "-MASTERDOWN Link with MASTER is down\r\n",
        "-MOVED 1 127.0.0.1:1\r\n",
        "-READONLY You can't write against a read only replica.\r\n",
        "-TRYAGAIN Multiple keys request during rehashing of slot\r\n",
        // Redis before 7, of what a script meets.
        "-ERR Error running script (call to f_83e03): @user_script:10: @user_script: 10: -READONLY no\r\n",
    ];
    let (key, record) = (new_key(), [7; 40]);
    for refusal in refusals {
        let done = Fake::start(&[refusal, refusal, refusal, ":1\r\n"]).await;
        let put = store(done.port).put(create(&key, &record)).await;
        assert_eq!(put.unwrap(), Swap::Done, "{refusal}");
        assert_eq!(done.seen(), (vec!["EVALSHA".into(); 4], 4), "{refusal}");
        let refused = Fake::start(&[refusal; 4]).await;
        let error = store(refused.port).put(create(&key, &record)).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        let (_, text) = refusal.rsplit_once('-').unwrap();
        let code = text.split(' ').next().unwrap();
        assert_eq!(error.source().unwrap().to_string(), code);
        assert_eq!(refused.seen(), (vec!["EVALSHA".into(); 4], 4), "{refusal}");
    }
}

#[tokio::test]
async fn only_reads_are_repeated_when_the_connection_breaks() {
    let (key, record, owner) = (new_key(), [7; 40], OwnerKey::from_bytes([7; 16]));
    let fake = Fake::start(&[""]).await;
    let store = store(fake.port);
    assert_eq!(store.load(&key, None).await.unwrap(), Found::Missing);
    assert_eq!(fake.seen(), (vec!["GET".into(); 2], 2));
    let fake = Fake::start(&["", "$-1\r\n", "", "*0\r\n", "", "+x\r\n"]).await;
    let store = self::store(fake.port);
    store.load(&key, Some(HOUR)).await.unwrap();
    assert_eq!(fake.seen(), (vec!["EVALSHA".into(); 2], 2));
    assert!(store.owned(&owner).await.unwrap().is_empty());
    assert_eq!(fake.seen(), (vec!["EVALSHA".into(); 2], 1));
    // It tells no version.
    let error = store.check().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unsupported);
    assert_eq!(fake.seen(), (vec!["EVALSHA".into(); 2], 1));

    // The server would say the same again.
    let fake = Fake::start(&["-ERR no\r\n"]).await;
    self::store(fake.port).load(&key, None).await.unwrap_err();
    assert_eq!(fake.seen().0, ["GET"]);

    // Nobody could tell any more who wrote in between.
    let fake = Fake::start(&["", "", ""]).await;
    let store = self::store(fake.port);
    let put = create(&key, &record);
    let tag = put.tag().unwrap();
    let renamed = Put {
        expect: Expect::Tag(&tag),
        ..put
    };
    let end = end(&key);
    store.put(put).await.unwrap_err();
    store.end(end).await.unwrap_err();
    let moved = Tombstone::Moved(key, AT);
    let error = store.rename(&key, renamed, moved, HOUR).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert_eq!(fake.seen(), (vec!["EVALSHA".into(); 3], 3));
}

#[tokio::test]
async fn silent_connection_is_replaced_once() {
    let fake = Fake::start(&[SILENCE]).await;
    let (store, key) = (store(fake.port), new_key());
    let slow = store.clone();
    let slow = tokio::spawn(async move { slow.load(&key, None).await });
    while fake.seen.lock().unwrap().0.is_empty() {
        tokio::task::yield_now().await;
    }
    let second = Duration::from_secs(1);
    ends_at(second, store.clone().deadline(second).load(&key, None)).await;
    assert_eq!(store.load(&key, None).await.unwrap(), Found::Missing);
    // This one waits on the first connection still.
    tokio::time::pause();
    assert!(slow.await.unwrap().is_err());
    tokio::time::resume();
    assert_eq!(store.load(&key, None).await.unwrap(), Found::Missing);
    assert_eq!(fake.seen().1, 2);
}

#[tokio::test]
async fn connection_in_the_making_is_left_to_the_calls_that_wait_longer() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let (store, key) = (store(listener.local_addr().unwrap().port()), new_key());
    let patient = store.clone();
    let call = || {
        let store = patient.clone();
        async move { store.load(&key, None).await }
    };
    let second = Duration::from_secs(1);
    let _first = tokio::spawn(call());
    tokio::task::yield_now().await;
    ends_at(second, store.deadline(second).load(&key, None)).await;
    let _next = tokio::spawn(call());
    tokio::time::pause();
    // Passes when every call waits.
    tokio::time::sleep(second).await;
    assert_eq!(listener.incoming().map_while(Result::ok).count(), 1);
}

#[tokio::test]
async fn answers_of_another_kind_are_corrupt_and_break_no_connection() {
    let fake = Fake::start(&[
        "+OK\r\n",
        "*0\r\n",
        "-ERR no\r\n",
        "-OOM command not allowed\r\n",
        ":1\r\n",
    ]);
    let fake = fake.await;
    let (store, key) = (store(fake.port), new_key());
    let error = store.put(create(&key, &[7; 40])).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    let error = store.load(&key, Some(HOUR)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    for code in ["ERR", "OOM"] {
        let error = store.put(create(&key, &[7; 40])).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        assert_eq!(error.source().unwrap().to_string(), code);
    }
    store.put(create(&key, &[7; 40])).await.unwrap();
    assert_eq!(fake.seen().1, 1);
    // Never sent: they would be taken for tombstones.
    let short = create(&key, b"d");
    let error = store.put(short).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    let tag = Tag::of(&[7; 40]).unwrap();
    let expect = Expect::Tag(&tag);
    let (short, moved) = (Put { expect, ..short }, Tombstone::Moved(key, AT));
    let error = store.rename(&key, short, moved, HOUR).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    // What is no rename at all.
    let put = create(&key, &[7; 40]);
    let error = store.rename(&key, put, moved, HOUR).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unsupported);
    assert_eq!(fake.seen(), (Vec::new(), 0));
}

/// A user without the right to load scripts is told so, and not that a script is missing.
#[tokio::test]
async fn script_that_cannot_be_loaded_is_told() {
    let fake = Fake::start(&["-NOSCRIPT No matching script\r\n", "-NOPERM no\r\n"]).await;
    let put = store(fake.port).put(create(&new_key(), &[7; 40])).await;
    assert_eq!(put.unwrap_err().source().unwrap().to_string(), "NOPERM");
    assert_eq!(fake.seen().0, ["EVALSHA", "SCRIPT"]);
}

/// A record with an owner.
fn create_owned<'a>(key: &'a RecordKey, owner: &'a OwnerKey) -> Put<'a> {
    let owner = Owner {
        key: owner,
        about: b"phone",
        keep: HOUR,
    };
    Put {
        owner: Some(owner),
        ..create(key, &[7; 40])
    }
}

#[tokio::test]
async fn owner_costs_one_node_no_request_more() {
    let (key, owner) = (new_key(), OwnerKey::from_bytes([7; 16]));
    let fake = Fake::start(&[":1000\r\n", ":1\r\n"]).await;
    let store = store(fake.port);
    store.put(create_owned(&key, &owner)).await.unwrap();
    assert_eq!(fake.seen().0, ["EVALSHA"]);
    let end = End {
        owner: Some(&owner),
        ..end(&key)
    };
    store.end(end).await.unwrap();
    assert_eq!(fake.seen().0, ["EVALSHA"]);
}

/// A list would grow without bound if a store forgot that it could not end the first records.
#[tokio::test]
async fn records_that_an_owner_has_too_many_all_end_or_the_write_fails() {
    let (key, owner) = (new_key(), OwnerKey::from_bytes([7; 16]));
    let put = create_owned(&key, &owner);
    let mut index = "*2004\r\n".to_owned();
    for n in 0..1_002 {
        index += &format!("$16\r\n{n:016}\r\n$13\r\n{n:013}\r\n");
    }
    let mut answers = vec![":1002\r\n", index.leak()];
    answers.extend([":1\r\n", "-ERR no\r\n"]);
    let fake = Fake::start(&answers).await;
    store(fake.port).put(put).await.unwrap_err();
    assert_eq!(fake.seen().0, ["EVALSHA"; 4]);

    let fake = Fake::start(&[":1002\r\n", "-ERR no\r\n"].repeat(2)).await;
    let store = store(fake.port);
    store.put(put).await.unwrap_err();
    let tag = put.tag().unwrap();
    let expect = Expect::Tag(&tag);
    let (renamed, moved) = (Put { expect, ..put }, Tombstone::Moved(key, AT));
    let from = new_key();
    store.rename(&from, renamed, moved, HOUR).await.unwrap_err();
    assert_eq!(fake.seen().0, ["EVALSHA"; 4]);
}

#[cfg(feature = "cluster")]
#[test]
fn cluster_without_nodes_is_unsupported() {
    let error = RedisStore::cluster(settings(&[])).err().unwrap();
    assert_eq!(error.kind(), StoreErrorKind::Unsupported);
}

/// A session without an entry would be left when all of its user's sessions are ended.
#[cfg(feature = "cluster")]
#[tokio::test]
async fn cluster_writes_no_record_without_its_entry_and_drops_the_entry_at_the_end() {
    let Some(nodes) = servers::redis_cluster() else {
        return;
    };
    let client = settings(&nodes).build().unwrap();
    let mut connection = client.get_async_connection().await.unwrap();
    let store = cluster(&nodes);
    let (key, next, owner) = (new_key(), new_key(), OwnerKey::from_bytes([7; 16]));
    let index = &owner.to_text("hardtack:owner:");
    let end = |key| End {
        owner: Some(&owner),
        ..end(key)
    };
    let put = store.put(create_owned(&key, &owner)).await;
    assert_eq!(put.unwrap(), Swap::Done);
    assert_eq!(store.end(end(&key)).await.unwrap(), Swap::Done);
    let hlen = redis::Cmd::hlen(index);
    let entries: usize = hlen.query_async(&mut connection).await.unwrap();
    assert_eq!(entries, 0);

    // Under its name there is something else than an index.
    let set = redis::Cmd::set(index, "x");
    () = set.query_async(&mut connection).await.unwrap();
    let error = store.put(create_owned(&next, &owner)).await.unwrap_err();
    assert_eq!(error.source().unwrap().to_string(), "WRONGTYPE");
    assert_eq!(store.load(&next, None).await.unwrap(), Found::Missing);
    let error = store.end(end(&next)).await.unwrap_err();
    assert_eq!(error.source().unwrap().to_string(), "WRONGTYPE");
    let found = store.load(&next, None).await.unwrap();
    assert_eq!(found, Found::Ended(Tombstone::Destroyed(AT)));
}

/// Somebody whose renames always fail would fill the list with devices that there are not, and have those that there are
/// ended.
#[cfg(feature = "cluster")]
#[tokio::test]
async fn cluster_lists_no_record_of_a_rename_that_met_a_rival() {
    let Some(nodes) = servers::redis_cluster() else {
        return;
    };
    let client = settings(&nodes).build().unwrap();
    let mut connection = client.get_async_connection().await.unwrap();
    let store = cluster(&nodes);
    let (from, to, owner) = (new_key(), new_key(), OwnerKey::from_bytes([7; 16]));
    let index = &owner.to_text("hardtack:owner:");
    let created = create_owned(&from, &owner);
    assert_eq!(store.put(created).await.unwrap(), Swap::Done);
    let other = Tag::from_bytes([3; 24]);
    let theirs = created.tag().unwrap();
    let record = [9; 40];
    for (tag, answer, entry) in [
        (&other, Swap::Differs(created.record.to_vec()), &from),
        (&theirs, Swap::Done, &to),
    ] {
        let put = Put {
            key: &to,
            expect: Expect::Tag(tag),
            record: &record,
            ..created
        };
        let renamed = store.rename(&from, put, Tombstone::Moved(to, AT), HOUR);
        assert_eq!(renamed.await.unwrap(), answer);
        let entries = redis::Cmd::hkeys(index);
        let entries: Vec<Vec<u8>> = entries.query_async(&mut connection).await.unwrap();
        assert_eq!(entries, [entry.as_bytes()]);
    }
}

#[tokio::test]
async fn old_version_is_refused_and_the_oldest_that_works_is_not() {
    let versions = [
        ("6.0.20", false),
        // A preview of 6.2.
        ("6.1.240", false),
        ("6.2.0", true),
        ("7.0.1", true),
    ];
    for (version, works) in versions {
        let info =
            format!("redis_version:{version}\r\nmaxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\n");
        let info: &str = format!("${}\r\n{info}\r\n", info.len()).leak();
        let fake = Fake::start(&[info]).await;
        let error = store(fake.port).check().await.unwrap_err();
        let told = error.source().map(ToString::to_string);
        // A newer one goes on to the probe.
        assert_eq!(told.is_some_and(|told| told.contains("6.2")), !works);
        assert_eq!(fake.seen().0.len() > 1, works, "{version}");
    }
}

#[tokio::test]
async fn new_store_gives_up_after_2_seconds() {
    let Some(server) = servers::redis(&[]) else {
        return;
    };
    let proxy = Proxy::start(server.port());
    proxy.set(Fault::Hang);
    let store = RedisStore::new(client(proxy.port()));
    assert_eq!(format!("{store:?}"), "RedisStore(..)");
    assert_eq!(store.max_record_bytes(), 1 << 24);
    ends_at(Duration::from_secs(2), store.load(&new_key(), None)).await;
}

#[tokio::test]
async fn rename_onto_a_record_of_somebody_else_changes_nothing() {
    let Some(server) = servers::redis(&[]) else {
        return;
    };
    let store = store(server.port());
    rename_onto_another_record_changes_nothing(&store).await;
}

/// The index of an owner has an entry for each live record, and lives as long as the longest of them.
#[tokio::test]
async fn index_has_an_entry_for_each_live_record() {
    let Some(server) = servers::redis(&[]) else {
        return;
    };
    let port = server.port();
    let (store, owner) = (store(port), OwnerKey::from_bytes([7; 16]));
    let index = owner.to_text("hardtack:owner:");
    let entries = async || run::<usize>(port, &format!("HLEN {index}")).await;
    let time = async || {
        let (seconds, micros) = run::<(u64, u64)>(port, "TIME").await;
        seconds * 1_000 + micros / 1_000
    };
    let put = |key, record, keep| Put {
        keep,
        owner: Some(Owner {
            key: &owner,
            about: b"phone",
            keep,
        }),
        ..create(key, record)
    };
    let [long, short, over, last, next] = [(); 5].map(|()| new_key());
    let before = time().await;
    store.put(put(&long, &[1; 40], HOUR * 4)).await.unwrap();
    let after = time().await;
    let values: Vec<Vec<u8>> = run(port, &format!("HVALS {index}")).await;
    let (end, about) = std::str::from_utf8(&values[0]).unwrap().split_at(13);
    let begin = end.parse::<u64>().unwrap() - 4 * 3_600_000;
    assert!(
        (before..=after).contains(&begin),
        "{before} {begin} {after}"
    );
    assert_eq!(about, "phone");

    store.put(put(&short, &[2; 40], HOUR)).await.unwrap();
    let left: u64 = run(port, &format!("PTTL {index}")).await;
    assert!(left > 2 * 3_600_000, "{left}");
    assert_eq!(entries().await, 2);
    let owner_told = End {
        owner: Some(&owner),
        ..self::end(&short)
    };
    store.end(owner_told).await.unwrap();
    assert_eq!(entries().await, 1);

    // A save that finds its entry does not look at the others; one that makes a new entry drops those that are over.
    store.put(put(&over, &[3; 40], HOUR)).await.unwrap();
    advance(port, HOUR * 2).await;
    let tag = Tag::of(&[1; 40]).unwrap();
    let swap = Put {
        expect: Expect::Tag(&tag),
        ..put(&long, &[4; 40], HOUR)
    };
    store.put(swap).await.unwrap();
    assert_eq!(entries().await, 2);
    store.put(put(&last, &[5; 40], HOUR)).await.unwrap();
    assert_eq!(entries().await, 2);

    let tag = Tag::of(&[5; 40]).unwrap();
    let renamed = Put {
        expect: Expect::Tag(&tag),
        ..put(&next, &[6; 40], HOUR)
    };
    let moved = Tombstone::Moved(next, AT);
    store.rename(&last, renamed, moved, HOUR).await.unwrap();
    assert_eq!(entries().await, 2);
    // A list drops records that have ended, whatever they left, and entries that name no record.
    let renamed = End {
        tombstone: moved,
        ..self::end(&next)
    };
    store.end(renamed).await.unwrap();
    let junk = format!("HSET {index} junk x 0123456789abcdef x");
    () = run(port, &junk).await;
    assert_eq!(entries().await, 4);
    assert_eq!(store.owned(&owner).await.unwrap().len(), 1);
    assert_eq!(entries().await, 1);
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

impl Engine for Redis {
    type Store = RedisStore;

    fn port(&self) -> u16 {
        self.0.port()
    }

    async fn connect(&mut self, port: u16) -> RedisStore {
        store(port)
    }

    async fn values(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        let mut values = BTreeMap::new();
        let keys: Vec<String> = run(self.0.port(), "KEYS *").await;
        for key in keys {
            let value = run(self.0.port(), &format!("GET {key}")).await;
            values.insert(key.into_bytes(), value);
        }
        values
    }

    async fn set(&self, name: &[u8], value: Option<&[u8]>) {
        let mut set = redis::cmd(if value.is_some() { "SET" } else { "DEL" });
        set.arg(name);
        if let Some(value) = value {
            set.arg(value).arg("KEEPTTL");
        }
        () = set
            .query_async(&mut connection(self.0.port()).await)
            .await
            .unwrap();
    }

    async fn fail(&mut self, fault: &'static str) {
        match fault {
            "stopped" => self.0.stop(),
            "OOM" => run(self.0.port(), "CONFIG SET maxmemory 1").await,
            "READONLY" => run(self.0.port(), "REPLICAOF 127.0.0.1 1").await,
            "NOSCRIPT" => run(self.0.port(), "SCRIPT FLUSH").await,
            other => panic!("{other}"),
        }
    }

    async fn mend(&mut self, fault: &'static str) {
        match fault {
            "stopped" => self.0.restart(),
            "OOM" => run(self.0.port(), "CONFIG SET maxmemory 0").await,
            "READONLY" => run(self.0.port(), "REPLICAOF NO ONE").await,
            _ => {}
        }
    }
}

#[tokio::test]
async fn sessions_survive_every_fault() {
    // What it holds outlives a restart.
    let Some(server) = servers::redis(&["--appendonly", "yes", "--appendfsync", "no"]) else {
        return;
    };
    let own = [
        Broken::Engine("stopped"),
        Broken::Engine("OOM"),
        Broken::Engine("READONLY"),
        Broken::Engine("NOSCRIPT"),
        Broken::Connection(Fault::Answer(
            "-LOADING Redis is loading the dataset in memory\r\n",
        )),
        Broken::Connection(Fault::Answer("-MOVED 1 127.0.0.1:1\r\n")),
    ];
    sessions_survive(&mut Redis(server), &own).await;
}
