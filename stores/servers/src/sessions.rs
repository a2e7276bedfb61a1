//! Sessions on a real server: what many requests at once write is kept, and what has ended stays ended.

use crate::{clock::Clock, visitor::Visitor};
use hardtack::{
    session::{Exchange, Session, SessionError},
    store::Store,
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};
use tokio::task::{JoinSet, yield_now};

/// How many requests write to one session at the same time.
const WRITERS: usize = 64;
/// How many thieves keep their sessions from being listed.
const THIEVES: u32 = 100;

/// Several instances of a site on one server. `lists` says whether the store keeps lists of owners.
pub async fn serves_sessions<S: Store>(connect: impl AsyncFn() -> S, lists: bool) {
    // It stands still, so that no writer gives up: each time that one loses, another one is done.
    let clock = Clock::new();
    let mut instances = Vec::new();
    for _ in 0..4 {
        let builder = clock.builder().store(connect().await);
        instances.push(builder.max_record_bytes(16 * 1024).build().unwrap());
    }
    for instance in &instances {
        instance.check().await.unwrap();
    }
    let ada = Visitor::log_in(&instances[0], "ada").await;

    // All that is acknowledged is kept.
    let mut writers = JoinSet::new();
    for nth in 0..WRITERS {
        let (sessions, mut ada) = (instances[nth % 4].clone(), ada.clone());
        writers.spawn(async move {
            let write = ada.visit(&sessions, |session| session.insert(&nth.to_string(), nth));
            let (_, reply) = write.await;
            reply.failed.is_none().then_some(nth)
        });
    }
    let written: Vec<usize> = writers.join_all().await.into_iter().flatten().collect();
    let request = ada.request(&instances[0]).await;
    for nth in &written {
        let kept: Option<usize> = request.get(&nth.to_string()).unwrap();
        assert_eq!(kept, Some(*nth), "of {} writes", written.len());
    }
    assert_eq!(written.len(), WRITERS, "the others are errors");

    // Neither a slow write nor a slow regenerate outlives a logout elsewhere.
    for regenerates in [false, true] {
        let mut ada = Visitor::log_in(&instances[0], "ada").await;
        let mut late = ada.clone();
        let slow = ada.request(&instances[1]).await;
        slow.insert("late", 7).unwrap();
        if regenerates {
            slow.regenerate().unwrap();
        }
        let logout = ada.visit(&instances[2], |session| session.destroy().unwrap());
        assert_eq!(logout.await.1.failed, None);
        late.take(&slow.commit().await);
        for instance in &instances {
            let request = late.request(instance).await;
            assert!(request.is_new().unwrap());
        }
    }

    let mut phone = Visitor::log_in(&instances[0], "ada").await;
    let subject = phone.visit(&instances[0], |session| {
        session.set_subject(Some("user-7"))?;
        session.describe("phone")
    });
    let (listed, _) = subject.await;
    if !lists {
        // At this call, not when everybody has to be logged out.
        let told = |error: &SessionError| error.to_string().contains("keeps lists of owners");
        assert!(listed.is_err_and(|error| told(&error)));
        return;
    }
    listed.unwrap();
    let listed = instances[1].list("user-7").await.unwrap();
    assert_eq!(listed[0].description, "phone");
    phone
        .visit(&instances[2], |session| session.regenerate().unwrap())
        .await;
    let listed = instances[3].list("user-7").await.unwrap();
    assert_eq!((listed.len(), listed[0].description.as_str()), (1, "phone"));
    assert_eq!(instances[3].end_all("user-7").await.unwrap(), 1);
    let request = phone.request(&instances[0]).await;
    assert!(request.is_new().unwrap());
}

/// Ends all sessions of somebody, while a thief of one of them asks for a new id again and again.
pub async fn ends_whoever_gets_new_ids<S: Store>(connect: impl AsyncFn() -> S) {
    let clock = Clock::new();
    let sessions = clock.builder().store(connect().await).build().unwrap();
    let elsewhere = clock.builder().store(connect().await).build().unwrap();
    for nth in 0..THIEVES {
        let mut thief = Visitor::log_in(&sessions, "ada").await;
        let listed = thief.visit(&sessions, |session| session.set_subject(Some("user-7")));
        listed.await.0.unwrap();
        let state = Arc::new((AtomicU32::new(0), AtomicBool::new(false)));
        let stealing = {
            let (sessions, state) = (elsewhere.clone(), state.clone());
            tokio::spawn(async move {
                let renew = |session: &Session| session.regenerate().unwrap();
                while !state.1.load(Ordering::Relaxed) {
                    thief.visit(&sessions, renew).await;
                    state.0.fetch_add(1, Ordering::Relaxed);
                }
                thief
            })
        };
        while state.0.load(Ordering::Relaxed) == 0 {
            yield_now().await;
        }
        sessions.end_all("user-7").await.unwrap();
        state.1.store(true, Ordering::Relaxed);
        let thief = stealing.await.unwrap();
        let user = thief.request(&sessions).await.get::<String>("user");
        assert_eq!(user.unwrap(), None, "thief {nth} is still logged in");
    }
}

/// Counts what the server is asked to do: `count` returns how many requests it got since the last time.
pub async fn costs_what_it_uses<S: Store>(store: S, mut count: impl AsyncFnMut() -> usize) {
    let clock = Clock::new();
    let sessions = clock.builder().store(store).build().unwrap();
    sessions.check().await.unwrap();
    let [mut ada, mut bob] = [
        Visitor::log_in(&sessions, "ada").await,
        Visitor::log_in(&sessions, "bob").await,
    ];
    count().await;
    bob.visit(&sessions, |session| session.destroy().unwrap())
        .await;
    assert_eq!(count().await, 2, "a read and an end");
    let exchange = Exchange::begin(&sessions);
    drop(exchange.commit(exchange.close()).await);
    assert_eq!(count().await, 0, "no handler asked for the session");
    let user = |session: &Session| session.get::<String>("user").unwrap();
    let (read, reply) = ada.visit(&sessions, user).await;
    assert_eq!((read.as_deref(), count().await), (Some("ada"), 1));
    assert!(reply.set_cookie.is_empty());
    ada.visit(&sessions, |session| session.insert("cart", 7).unwrap())
        .await;
    assert_eq!(count().await, 2, "a read and a write");
    clock.pass(5 * 60);
    let (_, reply) = ada.visit(&sessions, user).await;
    assert_eq!(count().await, 1, "a renewal is part of the read");
    assert!(!reply.set_cookie.is_empty());
    clock.pass(31 * 60);
    assert_eq!(ada.visit(&sessions, user).await.0, None);
    assert_eq!(count().await, 0, "a ticket that is over by its own times");
}
