//! A cluster of which something fails, or moves.

#![cfg(feature = "cluster")]

mod fake;

use fake::Fake;
use hardtack::store::{Expect, Found, Put, RecordKey, Store, Swap, Tombstone};
use hardtack_redis::RedisStore;
use redis::{Client, FromRedisValue, RedisResult, cluster::ClusterClientBuilder};
use servers::{AT, Server, create, end, new_key, works_again};
use std::{error::Error, net::TcpListener, time::Duration};

const HOUR: Duration = Duration::from_secs(3_600);

type Cluster = RedisStore<redis::cluster::ClusterClient>;

fn settings(ports: impl IntoIterator<Item = u16>) -> ClusterClientBuilder {
    let ports = ports.into_iter();
    ClusterClientBuilder::new(ports.map(|port| format!("redis://127.0.0.1:{port}")))
}

fn store(ports: impl IntoIterator<Item = u16>) -> Cluster {
    RedisStore::cluster(settings(ports)).unwrap()
}

/// Asks one node, which does not ask others.
async fn ask<T: FromRedisValue>(port: u16, command: &str) -> RedisResult<T> {
    let client = Client::open(format!("redis://127.0.0.1:{port}")).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut words = command.split(' ');
    let mut run = redis::cmd(words.next().unwrap());
    for word in words {
        run.arg(word);
    }
    run.query_async(&mut connection).await
}

/// The node that has a key.
async fn node_of(nodes: &[Server], key: &RecordKey) -> usize {
    for (n, node) in nodes.iter().enumerate() {
        let get = format!("GET {}", key.to_text("hardtack:"));
        if ask::<Option<Vec<u8>>>(node.port(), &get).await.is_ok() {
            return n;
        }
    }
    panic!("no node has it");
}

/// An address whose machine is gone: it takes connections, and never answers.
fn gone() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

/// The list of addresses is written once, and machines come and go.
#[tokio::test]
async fn address_of_a_machine_that_is_gone_takes_no_site_down() {
    let gone = gone();
    let node = Fake::start(&[]).await;
    // A short one: the time to connect has to follow it.
    let deadline = Duration::from_millis(400);
    let store = store([gone.local_addr().unwrap().port(), node.port]).deadline(deadline);
    let key = new_key();
    let found = works_again(|| store.load(&key, None)).await;
    assert_eq!(found, Found::Missing);
}

#[tokio::test]
async fn node_that_hangs_takes_no_session_of_the_others_down() {
    let Some(nodes) = servers::redis_cluster() else {
        return;
    };
    let gone = gone();
    let ports = nodes.iter().map(Server::port);
    let store = store(ports.chain([gone.local_addr().unwrap().port()]));
    let store = store.deadline(Duration::from_secs(1));
    for node in &nodes {
        let alone = "CONFIG SET cluster-require-full-coverage no";
        () = ask(node.port(), alone).await.unwrap();
    }
    let (mut here, mut there) = (Vec::new(), Vec::new());
    while here.len() < 3 || there.len() < 3 {
        let key = new_key();
        works_again(|| store.put(create(&key, &[7; 40]))).await;
        match node_of(&nodes, &key).await {
            0 => there.push(key),
            _ => here.push(key),
        }
    }
    () = ask(nodes[0].port(), "CLIENT PAUSE 3600000 ALL")
        .await
        .unwrap();
    for _ in 0..2 {
        let mut hanging = tokio::task::JoinSet::new();
        for key in there.clone() {
            let store = store.clone();
            hanging.spawn(async move { store.load(&key, None).await.is_err() });
        }
        for key in &here {
            let found = works_again(|| store.load(key, None)).await;
            assert_eq!(found, Found::Record(vec![7; 40]));
        }
        assert!(hanging.join_all().await.into_iter().all(|failed| failed));
    }
}

/// An operator adds a node, or moves slots: Redis serves all keys meanwhile.
#[tokio::test]
async fn sessions_work_while_their_slot_moves() {
    let Some(nodes) = servers::redis_cluster() else {
        return;
    };
    // A user with no more rights than the README names.
    let (_, readme) = include_str!("../README.md")
        .split_once("A user needs `~PREFIX*`")
        .unwrap();
    let rights: Vec<&str> = readme.split('`').skip(1).step_by(2).take(2).collect();
    let rights = rights.join(" ").replace('\n', " ");
    for node in &nodes {
        let user = format!("ACL SETUSER readme on >hidden resetkeys ~hardtack:* -@all {rights}");
        () = ask(node.port(), &user).await.unwrap();
    }
    let settings = settings(nodes.iter().map(Server::port));
    let store = RedisStore::cluster(settings.username("readme").password("hidden"));
    let store = store.unwrap().deadline(servers::PATIENT);
    store.check().await.unwrap();
    let (key, record) = (new_key(), [7; 40]);
    let name = key.to_text("hardtack:");
    let put = create(&key, &record);
    assert_eq!(store.put(put).await.unwrap(), Swap::Done);
    let n = node_of(&nodes, &key).await;
    let (from, to) = (nodes[n].port(), nodes[(n + 1) % 3].port());
    let slot: u16 = ask(from, &format!("CLUSTER KEYSLOT {name}")).await.unwrap();
    for (node, other, what) in [(to, from, "IMPORTING"), (from, to, "MIGRATING")] {
        let id: String = ask(other, "CLUSTER MYID").await.unwrap();
        let set = format!("CLUSTER SETSLOT {slot} {what} {id}");
        () = ask(node, &set).await.unwrap();
    }
    let migrate = format!("MIGRATE 127.0.0.1 {to} {name} 0 60000");
    () = ask(from, &migrate).await.unwrap();
    () = ask(to, "SCRIPT FLUSH").await.unwrap();

    let found = Found::Record(record.to_vec());
    assert_eq!(store.load(&key, None).await.unwrap(), found);
    assert_eq!(store.load(&key, Some(HOUR)).await.unwrap(), found);
    let swap = Put {
        expect: Expect::Tag(&put.tag().unwrap()),
        ..create(&key, &[8; 40])
    };
    assert_eq!(store.put(swap).await.unwrap(), Swap::Done);
    assert_eq!(store.end(end(&key)).await.unwrap(), Swap::Done);
    let found = store.load(&key, None).await.unwrap();
    assert_eq!(found, Found::Ended(Tombstone::Destroyed(AT)));
}

/// It is not among the nodes that the client knows.
#[tokio::test]
async fn slot_that_moves_to_a_node_without_slots_is_waited_for() {
    let refusals = ["-ASK 1 127.0.0.1:1\r\n"; 4];
    let node = Fake::start(&refusals).await;
    let store = store([node.port]).deadline(servers::PATIENT);
    let (key, record) = (new_key(), [7; 40]);
    let error = store.put(create(&key, &record)).await.unwrap_err();
    assert_eq!(error.source().unwrap().to_string(), "ASK");
    assert_eq!(node.seen().0, ["EVALSHA"; 4]);
}

/// What one node says of one key is no reason to connect to all nodes anew.
#[tokio::test]
async fn slot_that_moves_breaks_no_connection() {
    let (key, record) = (new_key(), [7; 40]);
    for refusal in [
        "-ASK 1 nowhere\r\n",
        "-MOVED 1 127.0.0.1:1\r\n",
        "-READONLY You can't write against a read only replica.\r\n",
        "-TRYAGAIN Multiple keys request during rehashing of slot\r\n",
    ] {
        let node = Fake::start(&[refusal, refusal, refusal, ":1\r\n"]).await;
        let store = store([node.port]).deadline(servers::PATIENT);
        let put = store.put(create(&key, &record)).await;
        assert_eq!(put.unwrap(), Swap::Done, "{refusal}");
        let seen = node.seen();
        assert_eq!(seen, (vec!["EVALSHA".into(); 4], 1), "{refusal}");
    }
}
