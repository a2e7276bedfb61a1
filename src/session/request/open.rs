//! From the Cookie header to a session.

use super::{
    candidate::{Candidate, Candidates, Opened, Refused, Token, Valid, rivals},
    facts::RequestFacts,
};
use crate::{
    Codec, KeyId, KeyState, Timestamp, TokenHeader,
    secret::Scratch,
    session::{
        cookie::{CandidateBudget, Incomplete, Names, SessionCookie},
        data::SessionData,
        events::{Event, Refusal},
        lifecycle::{EndedLogin, LiveSession, Now, Sealed},
        manager::{Keys, SessionManager, SiteCookie},
    },
    token,
};
use alloc::{boxed::Box, vec::Vec};
use core::time::Duration;

#[cfg(feature = "unstable-device-bound")]
use super::device::{self, Presented, Unproven};
#[cfg(feature = "store")]
use crate::session::{lifecycle::SealedTicket, record::Ticket};

/// The most refused cookies of one request that are reported: their number is the sender's choice.
const MAX_REFUSALS: usize = 8;

/// What the cookies of a request came to.
pub(super) struct Found<T> {
    pub(super) session: Box<LiveSession<T>>,
    /// Why the first cookie was refused, if none counts.
    pub(super) refused: Option<Refusal>,
    /// Two logins under the name of this cookie: neither counts.
    pub(super) rivals: Option<SiteCookie>,
    /// The session is bound to a device, and there is no proof of it.
    #[cfg(feature = "unstable-device-bound")]
    pub(super) unproven: Option<Unproven>,
    pub(super) brought: Brought,
}

/// What a request brought beside the session that counts.
pub(super) struct Brought {
    /// The logins of all cookies that are authentic and do not count: a logout ends them too.
    pub(super) others: Vec<EndedLogin>,
    /// The cookie of the session that counts; the present one if none does.
    pub(super) counts: SiteCookie,
    /// At least one cookie is authentic, whether it counts or not.
    pub(super) authentic: bool,
    /// At least one is under the present name.
    pub(super) own: bool,
    /// There is a part of a session that was too long for one cookie, whole or not.
    pub(super) has_parts: bool,
    /// The store says of one of its tickets that the session ended or got another id a moment ago.
    #[cfg(feature = "store")]
    pub(super) ended_in_store: bool,
}

impl Brought {
    pub(super) const NOTHING: Brought = Brought {
        others: Vec::new(),
        counts: SiteCookie::Present,
        authentic: false,
        own: false,
        has_parts: false,
        #[cfg(feature = "store")]
        ended_in_store: false,
    };

    /// Returns the names under which the browser may have parts of a longer session, to be removed where no new part
    /// replaces them: they are of no use, and every request would carry them.
    pub(super) fn stale(&self, cookie: &SessionCookie, cookies: &[u8]) -> Names {
        match self.has_parts {
            true => cookie.received(cookies),
            false => Names::default(),
        }
    }
}

/// The tokens of a request's cookies, as far as they open by themselves.
pub(super) struct Tokens {
    pub(super) now: Now,
    pub(super) present: Candidates,
    pub(super) former: Candidates,
    /// An authentic one came under the present name.
    pub(super) own: bool,
    pub(super) has_parts: bool,
    #[cfg(feature = "unstable-device-bound")]
    pub(super) device: Presented,
}

impl Tokens {
    pub(super) fn of(&mut self, cookie: SiteCookie) -> &mut Candidates {
        match cookie {
            SiteCookie::Present => &mut self.present,
            SiteCookie::Former(_) => &mut self.former,
        }
    }
}

/// Opens the session of the cookie that counts, or starts a new one. Of the cookies that open, and that
/// neither schema nor `validate` refuses, the one that was sealed last counts, and the first of equals.
/// So a sibling domain's cookie of the same name, older or forged, hides nothing. A former cookie counts
/// only if no present one opens.
pub(super) fn open<T: SessionData>(
    manager: &SessionManager<T>,
    facts: Option<&RequestFacts>,
    head_at: Duration,
    events: &mut Vec<Event>,
) -> Found<T> {
    settle(manager, tokens(manager, facts, head_at), events).0
}

/// Opens the tokens of a request's Cookie header.
pub(super) fn tokens<T: SessionData>(
    manager: &SessionManager<T>,
    facts: Option<&RequestFacts>,
    head_at: Duration,
) -> Tokens {
    // The clock is the application's code: read before the keys are locked, because it may set others.
    let now = Now {
        wall: manager.wall(),
        ticks: head_at,
    };
    let cookies = facts.map_or(&[][..], RequestFacts::cookies);
    let mut budget = CandidateBudget::default();
    let mut tokens = Tokens {
        now,
        present: Candidates::default(),
        former: Candidates::default(),
        own: false,
        has_parts: false,
        #[cfg(feature = "unstable-device-bound")]
        device: Presented::default(),
    };
    read(manager, cookies, &mut budget, &mut tokens);
    tokens.has_parts = budget.has_parts;
    tokens.own = tokens.present.is_authentic();
    // Proofs are worth their opening only beside a session, and their names begin with that of its cookie.
    #[cfg(feature = "unstable-device-bound")]
    if let Some(facts) = facts
        && !(tokens.present.is_empty() && tokens.former.is_empty())
    {
        tokens.device = device::presented(manager, facts, now, budget.has_longer_name);
    }
    tokens
}

/// Decides which session counts, and reports the cookies that were refused. Returns all of those too.
pub(super) fn settle<T: SessionData>(
    manager: &SessionManager<T>,
    tokens: Tokens,
    events: &mut Vec<Event>,
) -> (Found<T>, Vec<Refused>) {
    let Tokens {
        now,
        mut present,
        mut former,
        own,
        has_parts,
        #[cfg(feature = "unstable-device-bound")]
        device,
    } = tokens;
    let opened = present.opened.len().saturating_add(former.opened.len());
    let authentic = present.is_authentic() || former.is_authentic();
    let mut others = Vec::new();
    if opened > 1 {
        let opened = present.opened.iter().chain(former.opened.iter());
        others.extend(opened.map(|opened| opened.sealed.login));
    }
    let new = || Box::new(LiveSession::new(&manager.settings().rules, now.wall));
    let mut choice = choose(manager, &mut present, events);
    if let Choice::None = choice {
        choice = choose(manager, &mut former, events);
        present.refused.append(&mut former.refused);
    }
    #[cfg(feature = "unstable-device-bound")]
    let mut unproven = None;
    #[cfg(feature = "unstable-device-bound")]
    if let Choice::One(session, _) = &mut choice
        && let Err((reason, kind)) = device::prove(manager, &device, now, session)
    {
        present.refused.push(Refused {
            reason,
            key: session.sealing_key(),
            login: session.sealed_login(),
        });
        unproven = Some(kind);
        choice = Choice::None;
    }
    let mut refused = present.refused;
    let untold = former.refused.iter();
    others.extend(refused.iter().chain(untold).filter_map(|told| told.login));
    let first = refused.first().map(|refused| refused.reason);
    events.extend(
        refused
            .iter()
            .take(MAX_REFUSALS)
            .map(|refused| Event::Refused {
                reason: refused.reason,
                key: refused.key,
                id: refused.login.map(|login| login.session),
                login_id: refused.login.map(|login| login.login),
            }),
    );
    let (session, counts, first, rivals) = match choice {
        Choice::One(session, cookie) => {
            events.extend(session.opened().filter(|_| manager.hears()));
            (session, cookie, None, None)
        }
        Choice::Rivals(cookie) => (new(), SiteCookie::Present, first, Some(cookie)),
        Choice::None => (new(), SiteCookie::Present, first, None),
    };
    let found = Found {
        session,
        refused: first,
        rivals,
        #[cfg(feature = "unstable-device-bound")]
        unproven,
        brought: Brought {
            others,
            counts,
            authentic,
            own,
            has_parts,
            #[cfg(feature = "store")]
            ended_in_store: false,
        },
    };
    refused.append(&mut former.refused);
    (found, refused)
}

/// Opens the candidates under all names: for the present cookie, and for the former ones.
fn read<T: SessionData>(
    manager: &SessionManager<T>,
    cookies: &[u8],
    budget: &mut CandidateBudget,
    tokens: &mut Tokens,
) {
    let settings = manager.settings();
    let keys = manager.keys();
    let now = tokens.now;
    let mut read = |which| {
        let cookie = settings.cookie_of(which);
        for candidate in cookie.candidates(cookies, budget) {
            let opened = match candidate {
                Ok(token) => open_candidate(manager, &keys, now, which, &token),
                Err(Incomplete) => Err(Refused::unread(Refusal::Incomplete)),
            };
            match opened {
                Ok(opened) => tokens.of(opened.cookie()).push(opened),
                Err(why) => tokens.of(which).refused.push(why),
            }
        }
    };
    read(SiteCookie::Present);
    let mut names = Vec::new();
    for (at, former) in settings.formers_at(now.wall) {
        let name = former.cookie.name();
        if name != settings.cookie.name() && !names.contains(&name) {
            names.push(name);
            read(SiteCookie::Former(at));
        }
    }
}

/// Opens a token for the present cookie, or for the first former one of its name that it was sealed for.
fn open_candidate<T: SessionData>(
    manager: &SessionManager<T>,
    keys: &Keys,
    now: Now,
    which: SiteCookie,
    token: &[u8],
) -> Result<Candidate, Refused> {
    let settings = manager.settings();
    let open = |codec: &Codec, cookie| {
        let opened = open_token(manager, keys, codec, now, token);
        opened.map(|token| Candidate::of(cookie, token))
    };
    let mut opened = match which {
        SiteCookie::Present => open(&keys.codec, which),
        SiteCookie::Former(_) => Err(Refused::unread(Refusal::Invalid)),
    };
    if opened.is_ok() || settings.formers.is_empty() {
        return opened;
    }
    let name = settings.cookie_of(which).name();
    for (at, former) in settings.formers_at(now.wall) {
        // No other purpose mends another fault.
        if !matches!(&opened, Err(refused) if refused.reason == Refusal::Invalid) {
            break;
        }
        if former.cookie.name() == name
            && !former.opens_as_present
            && let Some(codec) = keys.formers.get(at)
        {
            opened = open(codec, SiteCookie::Former(at));
        }
    }
    opened
}

/// What becomes of cookies that open.
enum Choice<T> {
    None,
    One(Box<LiveSession<T>>, SiteCookie),
    /// Two logins under the name of this cookie.
    Rivals(SiteCookie),
}

/// Chooses the session that counts, unless rivals make it none.
fn choose<T: SessionData>(
    manager: &SessionManager<T>,
    candidates: &mut Candidates,
    events: &mut Vec<Event>,
) -> Choice<T> {
    let settings = manager.settings();
    let refused = &mut candidates.refused;
    let open = |Opened { cookie, sealed }| {
        let valid = Valid::new(cookie, sealed.key, sealed.login);
        match LiveSession::open(&settings.rules, sealed) {
            Ok(session) => Ok((session, valid)),
            Err(reason) => Err(valid.refused(reason)),
        }
    };
    let mut opened = core::mem::take(&mut candidates.opened).newest_first();
    let (session, newest) = loop {
        match opened.next().map(open) {
            Some(Ok(newest)) => break newest,
            Some(Err(why)) => refused.push(why),
            #[cfg(feature = "store")]
            None => return among_unasked(candidates, events),
            #[cfg(not(feature = "store"))]
            None => return Choice::None,
        }
    };
    let cookie = newest.cookie;
    // Under a name that another domain can set, all must be known.
    let mut valid = Vec::new();
    for other in opened.filter(|other| settings.cookie_of(other.cookie).can_be_planted()) {
        match open(other) {
            Ok((_, other)) => valid.push(other),
            Err(why) => refused.push(why),
        }
    }
    // Nobody knows whether they would count. If they were passed over, planted tickets could crowd out the
    // visitor's own.
    #[cfg(feature = "store")]
    for (cookie, key, login) in core::mem::take(&mut candidates.unasked) {
        valid.push(Valid::new(cookie, key, login));
    }
    if !valid.is_empty() {
        valid.insert(0, newest);
    }
    if let Some((cookie, login_ids)) = rivals(settings, &valid) {
        // An attacker's own session, planted by a sibling domain: what the victim writes would be
        // theirs.
        events.push(Event::Rivals { login_ids });
        refused.extend(valid.iter().map(|valid| valid.refused(Refusal::Rival)));
        return Choice::Rivals(cookie);
    }
    Choice::One(session, cookie)
}

/// Chooses none of the tickets that the store was not asked for, and says so: one of them may be the visitor's own,
/// behind planted ones that have ended.
#[cfg(feature = "store")]
fn among_unasked<T>(candidates: &mut Candidates, events: &mut Vec<Event>) -> Choice<T> {
    let unasked = core::mem::take(&mut candidates.unasked);
    let Some((cookie, _, newest)) = unasked.first().copied() else {
        return Choice::None;
    };
    let refused = candidates
        .refused
        .iter()
        .filter_map(|refused| refused.login);
    let ended = refused.map(|login| login.login).next();
    let login_ids = [ended.unwrap_or(newest.login), newest.login];
    events.push(Event::Rivals { login_ids });
    let rivals = unasked.into_iter();
    let rivals = rivals.map(|(cookie, key, login)| Valid::new(cookie, key, login));
    candidates
        .refused
        .extend(rivals.map(|valid| valid.refused(Refusal::Rival)));
    Choice::Rivals(cookie)
}

/// Opens one token, down to the session's times.
fn open_token<T: SessionData>(
    manager: &SessionManager<T>,
    keys: &Keys,
    codec: &Codec,
    now: Now,
    token: &[u8],
) -> Result<Token, Refused> {
    let mut scratch = Scratch::zeroed(token::body_len(token.len()));
    let opened = match codec.open_payload(None, token, now.wall, &mut scratch.0) {
        Ok(opened) => opened,
        Err(error) => {
            let refused = Refused {
                login: None,
                key: TokenHeader::of(token).map(|header| header.key),
                reason: Refusal::of(error),
            };
            let login = match refused.is_authentic() {
                true => login_of(manager, codec, now, token, scratch),
                false => None,
            };
            return Err(Refused { login, ..refused });
        }
    };
    let facts = (opened.issued_at, opened.key, opened.key_state);
    let (key, len) = (opened.key, opened.value.len());
    scratch.0.truncate(len);
    let read = read_payload(manager, now, scratch, facts, keys.floor);
    if read.is_ok() {
        keys.count(key, now.wall);
    }
    read.map_err(|(reason, login)| Refused {
        reason,
        key: Some(key),
        login,
    })
}

/// Returns the login of a token whose time the codec refuses. A logout has to end it too: a copy opens once the clock is
/// set right, or the instance has forgotten that it was to refuse it.
fn login_of<T: SessionData>(
    manager: &SessionManager<T>,
    codec: &Codec,
    now: Now,
    token: &[u8],
    mut scratch: Scratch,
) -> Option<EndedLogin> {
    let opened = codec.open_at_any_time(token, &mut scratch.0).ok()?;
    let facts = (opened.issued_at, opened.key, opened.key_state);
    let len = opened.value.len();
    scratch.0.truncate(len);
    match read_payload(manager, now, scratch, facts, Timestamp::MIN) {
        Ok(token) => Some(token.login()),
        Err((_, login)) => login,
    }
}

/// Reads the record or the ticket of a token, down to its times.
fn read_payload<T: SessionData>(
    manager: &SessionManager<T>,
    now: Now,
    payload: Scratch,
    facts: (Timestamp, KeyId, KeyState),
    floor: Timestamp,
) -> Result<Token, (Refusal, Option<EndedLogin>)> {
    let rules = &manager.settings().rules;
    #[cfg(feature = "store")]
    if let Some(store) = &manager.settings().store {
        if Ticket::is(&payload.0) {
            return SealedTicket::read(rules, now, &payload.0, facts, floor).map(Token::Ticket);
        }
        if store.only_tickets {
            let sealed = Sealed::read(rules, now, payload, facts, floor)?;
            return Err((Refusal::NotATicket, Some(sealed.login)));
        }
    }
    Sealed::read(rules, now, payload, facts, floor).map(Token::Session)
}
