//! Every mutating operation, in every order, over several requests: what a reopened session has is
//! what a plain value has that the same was done to.

use crate::kit::{
    clock::{Clock, T0, seconds},
    site::{Browser, Site},
};
use hardtack::session::{Flash, FlashLevel, Session, SessionData};
use proptest::{collection::vec, prelude::*};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The idle timeouts are as long, so that `expires_at` shows the absolute end.
const ABSOLUTE: u32 = 40_000;
const REMEMBER_ABSOLUTE: u32 = 90_000;

#[derive(Clone, Debug)]
enum Op<D> {
    Data(D),
    Clear,
    Flash(FlashLevel),
    TakeFlashes,
    Regenerate,
    RegenerateForLogin,
    Remember(bool),
    ExpireIn(u32),
    Destroy,
}

#[derive(Clone, Debug)]
enum MapOp {
    Insert(u8, usize),
    Remove(u8),
    Take(u8),
    Update(u8),
}

#[derive(Clone, Debug)]
enum AccountOp {
    Modify(u32),
    Replace(u64, usize),
    With,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Account {
    user: Option<u64>,
    cart: Vec<u32>,
    note: String,
}

impl SessionData for Account {
    const NAME: &'static str = "account";
    const VERSION: u8 = 1;
}

fn op<D: std::fmt::Debug + Clone + 'static>(
    data: impl Strategy<Value = D> + 'static,
) -> impl Strategy<Value = Op<D>> {
    prop_oneof![
        8 => data.prop_map(Op::Data),
        1 => Just(Op::Clear),
        2 => (0..4_usize).prop_map(|n| {
            Op::Flash([FlashLevel::Info, FlashLevel::Success, FlashLevel::Warning, FlashLevel::Error][n])
        }),
        1 => Just(Op::TakeFlashes),
        1 => Just(Op::Regenerate),
        1 => Just(Op::RegenerateForLogin),
        1 => any::<bool>().prop_map(Op::Remember),
        1 => (20_000..120_000_u32).prop_map(Op::ExpireIn),
        1 => Just(Op::Destroy),
    ]
}

fn map_op() -> impl Strategy<Value = MapOp> {
    let key = 0..4_u8;
    prop_oneof![
        // Lengths on both sides of one cookie.
        3 => (key.clone(), prop_oneof![0..20_usize, 900..1_200_usize])
            .prop_map(|(key, len)| MapOp::Insert(key, len)),
        1 => key.clone().prop_map(MapOp::Remove),
        1 => key.clone().prop_map(MapOp::Take),
        2 => key.prop_map(MapOp::Update),
    ]
}

fn account_op() -> impl Strategy<Value = AccountOp> {
    prop_oneof![
        any::<u32>().prop_map(AccountOp::Modify),
        (any::<u64>(), prop_oneof![0..20_usize, 3_000..4_000_usize])
            .prop_map(|(user, len)| AccountOp::Replace(user, len)),
        Just(AccountOp::With),
    ]
}

/// Requests, each some seconds after the one before.
fn requests<D: std::fmt::Debug + Clone>(
    op: impl Strategy<Value = Op<D>>,
) -> impl Strategy<Value = Vec<(u32, Vec<Op<D>>)>> {
    vec((0..400_u32, vec(op, 0..6)), 1..8)
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Model<D> {
    /// Whether the browser has a cookie.
    saved: bool,
    data: D,
    flashes: Vec<(FlashLevel, String)>,
    remembered: bool,
    created_at: u32,
    lifetime: u32,
    /// What `remember` was called with in this request: a login takes only that over.
    remember: Option<bool>,
    /// How many of the flashes came with this request: a login drops them.
    received: usize,
}

impl<D: Default + PartialEq> Model<D> {
    fn new(now: u32) -> Model<D> {
        Model {
            created_at: now,
            lifetime: ABSOLUTE,
            ..Model::default()
        }
    }

    fn setting(&self) -> u32 {
        match self.remembered {
            true => REMEMBER_ABSOLUTE,
            false => ABSOLUTE,
        }
    }

    /// Does to this and to the session the same.
    fn run<T: SessionData, O>(
        &mut self,
        op: &Op<O>,
        session: &Session<T>,
        now: u32,
        on_data: impl FnOnce(&O, &mut D, &Session<T>),
    ) {
        match op {
            Op::Data(op) => on_data(op, &mut self.data, session),
            Op::Clear => {
                session.clear().unwrap();
                self.data = D::default();
            }
            Op::Flash(level) => {
                let text = format!("{level} é {}", self.flashes.len());
                match session.flash(*level, text.clone()) {
                    Ok(()) => self.flashes.push((*level, text)),
                    Err(_) => assert_eq!(self.flashes.len(), 16),
                }
            }
            Op::TakeFlashes => {
                assert_eq!(pairs(session), std::mem::take(&mut self.flashes));
                self.received = 0;
            }
            Op::Regenerate | Op::RegenerateForLogin => {
                let before = session.id().unwrap();
                if let Op::Regenerate = op {
                    session.regenerate().unwrap();
                } else {
                    session.regenerate_for_login().unwrap();
                    self.created_at = now;
                    self.remembered = self.remember.unwrap_or(false);
                    self.lifetime = self.setting();
                    self.flashes.drain(..std::mem::take(&mut self.received));
                }
                assert_ne!(session.id().unwrap(), before);
            }
            Op::Remember(remembered) => {
                session.remember(*remembered).unwrap();
                self.remember = Some(*remembered);
                if self.remembered != *remembered {
                    self.remembered = *remembered;
                    self.lifetime = self.setting();
                }
            }
            Op::ExpireIn(after) => {
                session.expire_in(seconds(*after)).unwrap();
                self.lifetime = self.lifetime.min(now + after - self.created_at);
            }
            Op::Destroy => {
                session.destroy().unwrap();
                *self = Model::new(now);
            }
        }
    }

    /// What the answer leaves in the browser.
    fn answer(&mut self) {
        let empty = self.data == D::default() && self.flashes.is_empty();
        self.saved |= !empty;
        self.remember = None;
        self.received = self.flashes.len();
    }
}

fn pairs<T: SessionData>(session: &Session<T>) -> Vec<(FlashLevel, String)> {
    let pair = |flash: Flash| (flash.level, flash.text);
    session
        .take_flashes()
        .unwrap()
        .into_iter()
        .map(pair)
        .collect()
}

/// Plays the requests against the model, and compares a reopened session after each.
fn play<T: SessionData, D, O: Clone>(
    site: &Site<T>,
    requests: &[(u32, Vec<Op<O>>)],
    on_data: fn(&O, &mut D, &Session<T>),
    read: fn(&Session<T>) -> D,
) where
    D: Default + PartialEq + Clone + std::fmt::Debug,
{
    let mut browser = Browser::default();
    let mut model = Model::<D>::new(T0);
    let mut last_id = None;
    for (pause, ops) in requests {
        site.clock.pass(*pause);
        let now = site.clock.unix();
        if !model.saved {
            model = Model::new(now);
        }
        let mut changes_id = false;
        let (_, reply) = browser.visit(site, |session| {
            for op in ops {
                model.run(op, session, now, on_data);
                changes_id |= matches!(op, Op::Regenerate | Op::RegenerateForLogin | Op::Destroy);
            }
        });
        assert_eq!(reply.failed, None);
        model.answer();
        assert_eq!(!browser.jar.0.is_empty(), model.saved);

        let reopened = browser.peek(site, |session| {
            assert_eq!(session.is_new().unwrap(), !model.saved);
            let id = session.id().unwrap();
            if model.saved {
                if last_id.is_some() {
                    assert_eq!(last_id != Some(id), changes_id);
                }
                last_id = Some(id);
            } else {
                last_id = None;
            }
            let created_at = session.created_at().unwrap().to_unix();
            let flashes = pairs(session);
            Model {
                saved: model.saved,
                data: read(session),
                remembered: session.is_remembered().unwrap(),
                created_at,
                lifetime: session.expires_at().unwrap().to_unix() - created_at,
                remember: None,
                received: flashes.len(),
                flashes,
            }
        });
        match model.saved {
            true => assert_eq!(reopened, model),
            false => assert_eq!(reopened, Model::new(now)),
        }
    }
}

fn site<T: SessionData>(
    configure: impl FnOnce(
        hardtack::session::SessionManagerBuilder,
    ) -> hardtack::session::SessionManagerBuilder<T>,
) -> Site<T> {
    Site::with(&Clock::new(), |builder| {
        configure(
            builder
                .idle_timeout(seconds(ABSOLUTE))
                .absolute_timeout(seconds(ABSOLUTE))
                .remember_idle_timeout(seconds(REMEMBER_ABSOLUTE))
                .remember_absolute_timeout(seconds(REMEMBER_ABSOLUTE)),
        )
    })
}

fn on_map(op: &MapOp, model: &mut BTreeMap<String, String>, session: &Session) {
    match op {
        MapOp::Insert(key, len) => {
            let (key, value) = (key.to_string(), "v".repeat(*len));
            session.insert(&key, &value).unwrap();
            model.insert(key, value);
        }
        MapOp::Remove(key) => {
            let key = key.to_string();
            assert_eq!(session.remove(&key).unwrap(), model.remove(&key).is_some());
        }
        MapOp::Take(key) => {
            let key = key.to_string();
            assert_eq!(session.take::<String>(&key).unwrap(), model.remove(&key));
        }
        MapOp::Update(key) => {
            let key = key.to_string();
            session
                .update(&key, |value: &mut String| value.push('u'))
                .unwrap();
            model.entry(key).or_default().push('u');
        }
    }
}

fn on_account(op: &AccountOp, model: &mut Account, session: &Session<Account>) {
    match op {
        AccountOp::Modify(item) => {
            session.modify(|account| account.cart.push(*item)).unwrap();
            model.cart.push(*item);
        }
        AccountOp::Replace(user, len) => {
            let account = Account {
                user: Some(*user),
                cart: Vec::new(),
                note: "n".repeat(*len),
            };
            let before = session.replace(account.clone()).unwrap();
            assert_eq!(before, std::mem::replace(model, account));
        }
        AccountOp::With => {
            session.with(|account| assert_eq!(account, model)).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_dictionary_keeps_what_was_done(requests in requests(op(map_op()))) {
        play(&site(|builder| builder), &requests, on_map, |session| {
            let keys = session.keys().unwrap();
            let get = |key: &String| session.get(key).unwrap().unwrap();
            keys.iter().map(|key| (key.clone(), get(key))).collect()
        });
    }

    #[test]
    fn the_typed_session_keeps_what_was_done(requests in requests(op(account_op()))) {
        play(&site(|builder| builder.data::<Account>()), &requests, on_account, |session| {
            session.with(Account::clone).unwrap()
        });
    }
}
