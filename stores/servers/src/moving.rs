//! A fleet that moves its sessions from the cookie into a store, and back, one instance after the other.

use crate::{
    clock::Clock,
    visitor::{Request, Visitor},
};
use hardtack::{
    session::{LoginId, Place, SessionManager},
    store::Store,
};
use tokio::task::JoinSet;

/// How many visitors go on meanwhile, each with a count of their own.
const VISITORS: usize = 200;
const INSTANCES: usize = 3;

/// The settings of an instance.
#[derive(Clone, Copy, Debug)]
enum Version {
    WithoutStore,
    OnlyReadsIt,
    Saves,
    OnlyTickets,
}

use Version::{OnlyReadsIt, OnlyTickets, Saves, WithoutStore};

/// Takes every instance through these versions, while visitors count at any of them.
pub async fn moves_there_and_back<S: Store + Clone>(store: S) {
    let clock = Clock::new();
    let instance = |version| {
        let builder = clock.builder();
        let builder = match version {
            WithoutStore => builder,
            OnlyReadsIt => builder.store(store.clone()).place(Place::Cookie),
            Saves => builder.store(store.clone()),
            OnlyTickets => builder.store(store.clone()).only_tickets(),
        };
        builder.build().unwrap()
    };
    let mut fleet: Vec<SessionManager> = (0..INSTANCES).map(|_| instance(WithoutStore)).collect();
    let mut counting = Vec::new();
    for nth in 0..VISITORS {
        let visitor = Visitor::log_in(&fleet[nth % INSTANCES], &nth.to_string()).await;
        let request = Request::new(&fleet[0], &visitor).await;
        let login = request.session.login_id().unwrap();
        counting.push(Counting {
            visitor,
            login,
            count: 0,
        });
    }
    let mut round = 0;
    for version in [
        OnlyReadsIt,
        Saves,
        OnlyTickets,
        Saves,
        OnlyReadsIt,
        WithoutStore,
    ] {
        for place in 0..INSTANCES {
            fleet[place] = instance(version);
            let mut visits = JoinSet::new();
            for (nth, counting) in counting.into_iter().enumerate() {
                // Each takes another way through the fleet.
                let at = (nth + round * (1 + nth / INSTANCES)) % INSTANCES;
                let told = format!("{version:?}, {place}: visitor {nth} at {at}");
                visits.spawn(counting.count_on(fleet[at].clone(), told));
            }
            counting = visits.join_all().await;
            clock.pass(60);
            round += 1;
        }
        let tickets = counting
            .iter()
            .filter(|one| one.visitor.token().len() < 180);
        let is_in_store = matches!(version, Saves | OnlyTickets);
        let expected = if is_in_store { VISITORS } else { 0 };
        assert_eq!(tickets.count(), expected, "{version:?}");
    }
    assert!(counting.iter().all(|one| one.count == round));
}

struct Counting {
    visitor: Visitor,
    login: LoginId,
    count: usize,
}

impl Counting {
    async fn count_on(mut self, sessions: SessionManager, told: String) -> Counting {
        let visit = self.visitor.visit(&sessions, |session| {
            let found = session.get::<usize>("count").unwrap().unwrap_or_default();
            session.insert("count", found + 1).unwrap();
            session.insert("padding", "#".repeat(100)).unwrap();
            (
                session.is_new().unwrap(),
                session.login_id().unwrap(),
                found,
            )
        });
        let (found, reply) = visit.await;
        assert_eq!(reply.status, None, "{told}");
        assert_eq!(found, (false, self.login, self.count), "{told}");
        self.count += 1;
        self
    }
}
