//! The store on a real Memcached.

use hardtack::store::{
    End, Expect, Found, Put, Store, StoreErrorKind, Swap, Tag, Tombstone,
    conformance::{self, Fixture},
};
use hardtack_memcached::MemcachedStore;
use servers::{
    Fault, PATIENT, Proxy, Server, names_nothing, new_key, serves_sessions, survives_faults,
    works_again,
};
use std::time::{Duration, Instant};
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
        "load_without_keep_prolongs_nothing",
        "record_is_kept_for_60_days",
        "record_is_gone_after_its_time",
        "tombstone_is_never_prolonged",
        "sweep_takes_only_what_is_over",
        "sweep_keeps_to_its_limit",
        "two_sweepers",
        "owner_lists_what_is_live",
        "owner_lists_what_was_renamed",
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

#[tokio::test]
async fn time_is_kept_and_never_shortened() {
    let Some(server) = servers::memcached() else {
        return;
    };
    let nodes = [server];
    let store = store(&nodes);
    let short = Duration::from_millis(1);
    let day = Duration::from_secs(24 * 3600);
    let record = [7; 40];
    let keys = [(); 4].map(|()| new_key());
    let [over, kept, put, tombstone] = &keys;
    for key in &keys {
        let create = Put {
            key,
            expect: Expect::Absent,
            record: &record,
            keep: if key == put { day * 60 } else { short },
            owner: None,
        };
        assert_eq!(store.put(create).await.unwrap(), Swap::Done);
    }
    let found = Found::Record(record.to_vec());
    assert_eq!(store.load(kept, Some(day * 60)).await.unwrap(), found);
    assert_eq!(store.load(kept, Some(short)).await.unwrap(), found);
    let next = [8; 40];
    let swap = Put {
        key: put,
        expect: Expect::Tag(&hardtack::store::Tag::of(&record).unwrap()),
        record: &next,
        keep: short,
        owner: None,
    };
    assert_eq!(store.put(swap).await.unwrap(), Swap::Done);
    let end = hardtack::store::End {
        key: tombstone,
        expect: None,
        tombstone: hardtack::store::Tombstone::Destroyed,
        grace: short,
        owner: None,
    };
    assert_eq!(store.end(end).await.unwrap(), Swap::Done);

    // Those with the shortest time go within seconds, whatever is asked of the tombstone meanwhile.
    let start = Instant::now();
    while store.load(over, None).await.unwrap() != Found::Missing
        || store.load(tombstone, Some(day)).await.unwrap() != Found::Missing
    {
        assert!(start.elapsed() < Duration::from_secs(20), "still there");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(store.load(kept, None).await.unwrap(), found);
    let found = Found::Record(next.to_vec());
    assert_eq!(store.load(put, None).await.unwrap(), found);
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
    proxy.set(Fault::None);

    server.stop();
    let error = store.load(&key, None).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    server.restart();
    assert_eq!(works_again(|| store.load(&key, None)).await, Found::Missing);
}

/// A node on which another writer is first, so many times, between the two steps of every call.
async fn node_that_loses(races: usize) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut lost = 0;
        while let Ok((connection, _)) = listener.accept().await {
            let mut connection = BufReader::new(connection);
            let mut line = String::new();
            while connection
                .read_line(&mut line)
                .await
                .is_ok_and(|len| len > 0)
            {
                let words: Vec<_> = line.split_whitespace().collect();
                let mut answer = b"VA 40 c1 t100\r\n".to_vec();
                match &words[..] {
                    ["mg", ..] => answer.extend([[7; 40].as_slice(), b"\r\n"].concat()),
                    ["ms", _, len, ..] => {
                        let mut value = vec![0; len.parse::<usize>().unwrap() + 2];
                        connection.read_exact(&mut value).await.unwrap();
                        answer = match lost < races {
                            true => b"EX\r\n".to_vec(),
                            false => b"HD\r\n".to_vec(),
                        };
                        lost += 1;
                    }
                    _ => panic!("{line}"),
                }
                connection.write_all(&answer).await.unwrap();
                line.clear();
            }
        }
    });
    port
}

#[tokio::test]
async fn writers_that_lose_every_race_go_on_until_the_deadline() {
    let store = |port| MemcachedStore::new([format!("127.0.0.1:{port}")]).unwrap();
    let key = new_key();
    let old = Tag::of(&[7; 40]).unwrap();
    let put = Put {
        key: &key,
        expect: Expect::Tag(&old),
        record: &[8; 40],
        keep: Duration::from_secs(60),
        owner: None,
    };
    let end = End {
        key: &key,
        expect: None,
        tombstone: Tombstone::Destroyed,
        grace: Duration::from_secs(60),
        owner: None,
    };
    let long = Duration::from_secs(60);
    let losing = store(node_that_loses(200).await).deadline(PATIENT);
    assert_eq!(losing.end(end).await.unwrap(), Swap::Done);
    let losing = store(node_that_loses(200).await).deadline(PATIENT);
    assert_eq!(losing.put(put).await.unwrap(), Swap::Done);
    let losing = store(node_that_loses(200).await).deadline(PATIENT);
    let found = Found::Record(vec![7; 40]);
    assert_eq!(losing.load(&key, Some(long * 5)).await.unwrap(), found);

    let losing = store(node_that_loses(usize::MAX).await).deadline(Duration::from_millis(50));
    let error = losing.end(end).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Timeout);
}

#[test]
fn settings_that_cannot_work_are_refused() {
    assert!(MemcachedStore::new([""; 0]).is_err());
    let store = MemcachedStore::new(["127.0.0.1:1"]).unwrap();
    for prefix in ["a b", "a\r\nflush_all\r\n", "é", &"a".repeat(201)] {
        assert!(store.clone().prefix(prefix).is_err(), "{prefix}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn serves_sessions_of_several_instances() {
    let Some(node) = servers::memcached() else {
        return;
    };
    let nodes = [node];
    serves_sessions(async || store(&nodes), false).await;
}
