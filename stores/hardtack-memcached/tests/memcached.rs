//! The store on a real Memcached.

use hardtack::store::{
    Expect, Found, Put, RecordKey, Store, StoreErrorKind, Swap, Tag, Tombstone,
    conformance::{self, Fixture},
};
use hardtack_memcached::MemcachedStore;
use servers::{
    AT, Fault, PATIENT, Proxy, Server, end, ends_at, names_nothing, new_key, serves_sessions,
    survives_faults, works_again,
};
use std::{
    io::{BufRead, Write},
    net::TcpStream,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, UNIX_EPOCH},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpListener,
};

struct Memcached(Vec<Server>);

impl Fixture for Memcached {
    type Store = MemcachedStore;

    async fn connect(&self, namespace: &str) -> MemcachedStore {
        store(&self.0).prefix(format!("{namespace}:")).unwrap()
    }
}

fn store(nodes: &[Server]) -> MemcachedStore {
    let addresses = nodes
        .iter()
        .map(|node| format!("127.0.0.1:{}", node.port()));
    MemcachedStore::new(addresses).unwrap().deadline(PATIENT)
}

#[tokio::test]
async fn passes_the_suite_but_for_the_passing_of_time() {
    // Nobody can move the clock of a Memcached, and it lists no owners.
    let skipped = [
        "create_after_the_grace",
        "keep_prolongs",
        "keep_never_shortens",
        "put_never_shortens",
        "put_prolongs",
        "load_without_keep_prolongs_nothing",
        "record_is_kept_for_60_days",
        "record_is_gone_after_its_time",
        "tombstone_is_never_prolonged",
        "tombstone_stays_for_its_grace",
        "sweep_takes_only_what_is_over",
        "sweep_keeps_to_its_limit",
        "two_sweepers",
        "renamed_record_has_its_time",
        "renamed_record_leaves_its_tombstone_for_the_grace",
        "owner_lists_what_is_live",
        "owner_lists_what_is_kept_for_longer",
        "owner_lists_what_was_renamed",
        "owner_does_not_list_what_was_renamed_without_one",
        "owner_stays_at_a_put_without_one",
        "owner_has_at_most_1000_records",
    ];
    for nodes in [1, 3] {
        let nodes: Option<Vec<_>> = (0..nodes).map(|_| servers::memcached()).collect();
        let Some(nodes) = nodes else {
            return;
        };
        let report = conformance::run(&Memcached(nodes)).await;
        assert!(report.passed(), "{report}");
        assert!(report.skipped().eq(skipped), "{report}");
    }
}

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn create<'a>(key: &'a RecordKey, record: &'a [u8], keep: Duration) -> Put<'a> {
    Put {
        key,
        expect: Expect::Absent,
        record,
        keep,
        owner: None,
    }
}

/// Sends a command, and returns the lines of the answer up to this one.
fn ask(port: u16, command: &str, last: &str) -> Vec<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "{command}\r\n").unwrap();
    let lines = std::io::BufReader::new(stream).lines().map(Result::unwrap);
    lines.take_while(|line| !line.starts_with(last)).collect()
}

/// Whether a key has this time left, but for what has passed since.
fn has_left(node: &Server, key: &RecordKey, time: Duration) -> bool {
    // `mn` ends the answer.
    let get = format!("mg {} t\r\nmn", key.to_text("hardtack:"));
    let answer = ask(node.port(), &get, "MN").concat();
    let mut words = answer.strip_prefix("HD t").expect("a value").split(' ');
    let left = words.next().unwrap();
    let left = Duration::from_secs(left.parse().unwrap());
    let longest = time + Duration::from_secs(1);
    (longest - HOUR / 2..=longest).contains(&left)
}

#[tokio::test]
async fn time_is_kept_and_never_shortened() {
    let Some(node) = servers::memcached() else {
        return;
    };
    let nodes = [node];
    let [node] = &nodes;
    let store = store(&nodes);
    let (key, record) = (new_key(), [7; 40]);
    let put = create(&key, &record, HOUR);
    assert_eq!(store.put(put).await.unwrap(), Swap::Done);
    assert!(has_left(node, &key, HOUR));
    // More than 30 days are a date; what is shorter than the rest changes nothing.
    for keep in [DAY * 60, HOUR] {
        let found = store.load(&key, Some(keep)).await.unwrap();
        assert_eq!(found, Found::Record(record.to_vec()));
        assert!(has_left(node, &key, DAY * 60));
    }
    let swap = Put {
        expect: Expect::Tag(&put.tag().unwrap()),
        ..create(&key, &[8; 40], HOUR)
    };
    assert_eq!(store.put(swap).await.unwrap(), Swap::Done);
    assert!(has_left(node, &key, DAY * 60));
    assert_eq!(store.end(end(&key)).await.unwrap(), Swap::Done);
    let found = store.load(&key, Some(DAY)).await.unwrap();
    assert_eq!(found, Found::Ended(Tombstone::Destroyed(AT)));
    assert!(has_left(node, &key, HOUR));
}

#[tokio::test]
async fn longest_time_is_taken() {
    let Some(node) = servers::memcached() else {
        return;
    };
    let nodes = [node];
    let store = store(&nodes);
    let (key, record) = (new_key(), [7; 40]);
    let put = create(&key, &record, Duration::MAX);
    assert_eq!(store.put(put).await.unwrap(), Swap::Done);
    let found = store.load(&key, Some(Duration::MAX)).await.unwrap();
    assert_eq!(found, Found::Record(record.to_vec()));
}

/// Memcached deletes what it has no room to write anew. A visit writes nothing anew; a save does, as the README says.
#[tokio::test]
async fn full_server_keeps_sessions_that_are_read() {
    let Some(node) = servers::memcached_with(&["-m", "2", "-M"]) else {
        return;
    };
    let nodes = [node];
    let store = store(&nodes);
    let (key, record) = (new_key(), [7; 400]);
    let put = create(&key, &record, HOUR);
    assert_eq!(store.put(put).await.unwrap(), Swap::Done);
    // All of one size, for which alone there is no room then.
    let mut others = Vec::new();
    loop {
        let other = new_key();
        match store.put(create(&other, &record, HOUR)).await {
            Ok(_) => others.push(other),
            Err(error) => {
                assert_eq!(error.kind(), StoreErrorKind::Unavailable);
                break;
            }
        }
    }
    let found = Found::Record(record.to_vec());
    for key in others.iter().chain([&key]) {
        let kept = store.load(key, Some(HOUR * 2)).await.unwrap();
        assert_eq!(kept, found);
    }
    assert!(has_left(&nodes[0], &key, HOUR * 2));
    assert_eq!(store.load(&key, None).await.unwrap(), found);

    let swap = Put {
        expect: Expect::Tag(&put.tag().unwrap()),
        ..create(&key, &[8; 400], HOUR)
    };
    store.put(swap).await.unwrap_err();
    assert_eq!(store.load(&key, None).await.unwrap(), Found::Missing);
}

/// Servers and firewalls close what is quiet. The visitor who comes then is no outage.
#[tokio::test]
async fn connection_that_was_closed_while_it_was_free_is_replaced() {
    let Some(server) = servers::memcached() else {
        return;
    };
    let proxy = Proxy::start(server.port());
    let store = MemcachedStore::new([format!("127.0.0.1:{}", proxy.port())]).unwrap();
    let store = store.deadline(PATIENT);
    let (key, record) = (new_key(), [7; 40]);
    let put = create(&key, &record, HOUR);
    store.put(put).await.unwrap();
    let close = || {
        proxy.set(Fault::Hang);
        proxy.set(Fault::None);
    };
    close();
    let found = store.load(&key, Some(HOUR * 2)).await.unwrap();
    assert_eq!(found, Found::Record(record.to_vec()));
    close();
    let swap = Put {
        expect: Expect::Tag(&put.tag().unwrap()),
        ..create(&key, &[8; 40], HOUR)
    };
    assert_eq!(store.put(swap).await.unwrap(), Swap::Done);
    close();
    assert_eq!(store.end(end(&key)).await.unwrap(), Swap::Done);
}

/// Nobody could tell what became of the first write on a connection that somebody closed meanwhile, or forgot.
#[tokio::test]
async fn connection_that_nobody_uses_is_not_kept() {
    let node = Fake::start(100, 0).await;
    let store = node.store();
    let mut connections = Vec::new();
    for quiet in [0, 10, 10, 20, 0] {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(quiet)).await;
        tokio::time::resume();
        store.put(create(&new_key(), &[8; 40], HOUR)).await.unwrap();
        connections.push(node.connections.load(Ordering::Relaxed));
    }
    assert_eq!(connections, [1, 1, 1, 2, 2]);
}

#[tokio::test]
async fn every_node_has_its_share_and_is_checked() {
    let nodes: Option<Vec<_>> = (0..3).map(|_| servers::memcached()).collect();
    let Some(mut nodes) = nodes else {
        return;
    };
    let names = |node: &Server| ask(node.port(), "lru_crawler metadump all", "END");
    let site = store(&nodes).prefix("shop:").unwrap();
    site.check().await.unwrap();
    for node in &nodes {
        let names = names(node);
        assert!(!names.is_empty());
        // What a server with rules for names allows to the site.
        assert!(
            names.iter().all(|name| name.starts_with("key=shop%3A")),
            "{names:?}"
        );
    }
    let site = store(&nodes);
    for _ in 0..64 {
        site.put(create(&new_key(), &[7; 40], HOUR)).await.unwrap();
    }
    for node in &nodes {
        let names = names(node);
        assert!(names.iter().any(|name| name.starts_with("key=hardtack%3A")));
    }
    nodes[2].stop();
    // Whatever the keys of the probe are.
    for _ in 0..64 {
        let error = site.check().await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    }
}

#[tokio::test]
async fn broken_connections_are_errors_and_heal() {
    let Some(mut server) = servers::memcached() else {
        return;
    };
    let proxy = Proxy::start(server.port());
    let store = MemcachedStore::new([format!("127.0.0.1:{}", proxy.port())]).unwrap();
    let store = store.deadline(PATIENT);
    store.check().await.unwrap();
    survives_faults(&store, &proxy).await;
    proxy.set(Fault::Refuse);
    let key = new_key();
    let error = store.load(&key, None).await.unwrap_err();
    names_nothing(
        &error,
        &["127.0.0.1", &proxy.port().to_string(), "hardtack:"],
    );
    proxy.set(Fault::Hang);
    let deadline = Duration::from_millis(300);
    ends_at(deadline, store.clone().deadline(deadline).check()).await;
    proxy.set(Fault::None);

    works_again(|| store.load(&key, None)).await;
    let at_once = (0..8).map(|_| {
        let (store, key) = (store.clone(), key);
        async move { store.load(&key, None).await }
    });
    let found = tokio::task::JoinSet::from_iter(at_once).join_all().await;
    assert!(found.iter().all(Result::is_ok));
    server.stop();
    let error = store.load(&key, None).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    server.restart();
    // The other connections broke with that one.
    assert_eq!(store.load(&key, None).await.unwrap(), Found::Missing);
}

#[tokio::test]
async fn silent_node_gets_32_connections_for_2_seconds() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let store = MemcachedStore::new([address]).unwrap();
    let key = new_key();
    ends_at(Duration::from_secs(2), store.load(&key, None)).await;
    assert_eq!(listener.incoming().map_while(Result::ok).count(), 1);
    tokio::time::pause();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..40 {
        let store = store.clone();
        calls.spawn(async move { store.load(&key, None).await });
    }
    // Passes when every call waits.
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(listener.incoming().map_while(Result::ok).count(), 32);
}

/// A node that has a record under every key, with so many seconds left. The first so many writes come too late: another
/// writer was faster.
struct Fake {
    port: u16,
    /// The flags of all writes: time and condition. A time that is only prolonged begins with `I`.
    writes: Arc<Mutex<Vec<[String; 2]>>>,
    connections: Arc<AtomicUsize>,
}

impl Fake {
    async fn start(left: i64, races: usize) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let writes = Arc::<Mutex<Vec<[String; 2]>>>::default();
        let fake = Fake {
            port,
            writes: writes.clone(),
            connections: Arc::default(),
        };
        let connections = fake.connections.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::Relaxed);
                let mut connection = BufReader::new(connection);
                let mut line = String::new();
                while connection
                    .read_line(&mut line)
                    .await
                    .is_ok_and(|len| len > 0)
                {
                    let words: Vec<_> = line.split_whitespace().collect();
                    let mut answer = format!("VA 40 c1 t{left}\r\n").into_bytes();
                    let written = match &words[..] {
                        ["mg", ..] => {
                            answer.extend([[7; 40].as_slice(), b"\r\n"].concat());
                            None
                        }
                        ["ms", _, len, .., time, condition] => {
                            let mut value = vec![0; len.parse::<usize>().unwrap() + 2];
                            connection.read_exact(&mut value).await.unwrap();
                            Some([time.to_string(), condition.to_string()])
                        }
                        ["md", _, "I", time, condition] => {
                            Some([format!("I{time}"), condition.to_string()])
                        }
                        _ => panic!("{line}"),
                    };
                    if let Some(written) = written {
                        let mut writes = writes.lock().unwrap();
                        // What was there is another one, is gone, or has just come.
                        let kinds = if line.starts_with("md") { 2 } else { 3 };
                        let lost = ["EX", "NF", "NS"][writes.len() % kinds];
                        let told = if writes.len() < races { lost } else { "HD" };
                        answer = format!("{told}\r\n").into_bytes();
                        writes.push(written);
                    }
                    connection.write_all(&answer).await.unwrap();
                    line.clear();
                }
            }
        });
        fake
    }

    fn store(&self) -> MemcachedStore {
        let store = MemcachedStore::new([format!("127.0.0.1:{}", self.port)]);
        store.unwrap().deadline(PATIENT)
    }

    /// The flags of the writes since the last call.
    fn writes(&self) -> Vec<[String; 2]> {
        std::mem::take(&mut *self.writes.lock().unwrap())
    }
}

#[tokio::test]
async fn writers_that_lose_every_race_go_on_until_the_deadline() {
    let key = new_key();
    let old = Tag::of(&[7; 40]).unwrap();
    let put = Put {
        expect: Expect::Tag(&old),
        ..create(&key, &[8; 40], HOUR)
    };
    let losing = Fake::start(100, 200).await.store();
    assert_eq!(losing.end(end(&key)).await.unwrap(), Swap::Done);
    let losing = Fake::start(100, 200).await.store();
    assert_eq!(losing.put(put).await.unwrap(), Swap::Done);
    let losing = Fake::start(100, 200).await.store();
    let found = Found::Record(vec![7; 40]);
    assert_eq!(losing.load(&key, Some(HOUR)).await.unwrap(), found);

    let losing = Fake::start(100, usize::MAX).await.store();
    let losing = losing.deadline(Duration::from_millis(50));
    let error = losing.end(end(&key)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Timeout);
}

#[tokio::test]
async fn times_are_seconds_up_to_30_days_and_dates_above() {
    let node = Fake::start(100, 0).await;
    let (store, key) = (node.store(), new_key());
    let time = async |keep| {
        store.put(create(&key, &[8; 40], keep)).await.unwrap();
        let [[time, condition]] = node.writes().try_into().unwrap();
        assert_eq!(condition, "ME");
        time.strip_prefix('T').unwrap().parse::<u64>().unwrap()
    };
    let now = || UNIX_EPOCH.elapsed().unwrap().as_secs();
    // A second more: 0 would be for ever, and a time of this server ends up to a second early.
    assert_eq!(time(Duration::ZERO).await, 1);
    assert_eq!(time(Duration::from_millis(1_999)).await, 2);
    let second = Duration::from_secs(1);
    assert_eq!(time(DAY * 30 - second).await, 30 * 24 * 3600);
    let before = now();
    let date = time(DAY * 30).await - 30 * 24 * 3600 - 1;
    assert!((before..=now()).contains(&date));
    // It has no room for a later date, and reads it as one that has passed.
    for keep in [DAY * 365 * 12, Duration::MAX] {
        assert_eq!(time(keep).await, i32::MAX as u64, "{keep:?}");
    }
    // One call after the other needs no second connection.
    assert_eq!(node.connections.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn read_writes_only_to_prolong() {
    let key = new_key();
    for left in [-1, 101, 3601] {
        let node = Fake::start(left, 0).await;
        let found = node.store().load(&key, None).await.unwrap();
        assert_eq!(found, Found::Record(vec![7; 40]));
        node.store().load(&key, Some(HOUR)).await.unwrap();
        let expected = [["IT3601".to_owned(), "C1".to_owned()]];
        let prolonged = if left == 101 { &expected[..] } else { &[] };
        assert_eq!(node.writes(), prolonged, "{left}");
    }
}

#[test]
fn settings_that_cannot_work_are_refused() {
    assert!(MemcachedStore::new([""; 0]).is_err());
    let store = MemcachedStore::new(["127.0.0.1:1"]).unwrap();
    for prefix in ["a b", "a\r\nflush_all\r\n", "é", &"a".repeat(201)] {
        assert!(store.clone().prefix(prefix).is_err(), "{prefix}");
    }
    let store = store.prefix("a".repeat(200)).unwrap();
    assert_eq!(format!("{store:?}"), "MemcachedStore(..)");
}

#[tokio::test(flavor = "multi_thread")]
async fn serves_sessions_of_several_instances() {
    let Some(node) = servers::memcached() else {
        return;
    };
    let nodes = [node];
    serves_sessions(async || store(&nodes), false).await;
}
