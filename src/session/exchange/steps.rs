use super::edits::{HeaderEdits, ResponseHeaders};
#[cfg(feature = "store")]
use crate::session::request::Boxed;
use crate::session::{
    data::{SessionData, SessionMap},
    events::{
        Event,
        log::{self, Topic},
    },
    head::RequestHead,
    manager::SessionManager,
    request::{Answer, Handle},
    session::Session,
};
#[cfg(feature = "unstable-device-bound")]
use crate::session::{device::EndpointRequest, request::DeviceStep};
use alloc::boxed::Box;
use core::{
    fmt,
    future::{Ready, ready},
    pin::Pin,
    task::{Context, Poll},
};

/// One request and its response. An adapter drives it, and decides nothing itself.
///
/// hardtack has adapters for Axum, Actix Web and Rocket. To write one for another framework, take these
/// steps in their order:
///
/// 1. [`begin`](Exchange::begin) when the request arrives, and keep a clone where the handler's extractor
///    finds it. Nothing is read yet, so a request that never asks for its session costs next to nothing.
///    Ask [`endpoint`](Exchange::endpoint) whether the request is for the session layer alone: then its answer is
///    the response, and no handler runs.
/// 2. [`session`](Exchange::session) when a handler asks for it, and await the future.
/// 3. [`close`](Exchange::close) when the handler has answered. Its [`Plan`] says what is to be written;
///    from here on the session is read only. An error counts as an answer if the framework makes a
///    response of it. If the framework closes the connection instead, don't close: drop the exchange,
///    for `close` reports the session as saved.
/// 4. [`commit`](Exchange::commit) the plan, and await the future.
/// 5. [`finish`](Exchange::finish) with the committed plan and the response's headers, and make the
///    [edits](HeaderEdits).
///
/// Take these steps for every request: if no handler used the session, they edit nothing. A site with
/// several managers has an exchange for each of them, told apart by the type of their data. Each edits
/// the response that the one before it has edited.
///
/// Drop the exchange without a response, and nothing is saved.
///
/// A handler that still has its session when it panics saves nothing, even if the framework makes a
/// response of the panic. The exchange learns of a panic when the unwinding drops the session that
/// [`session`](Exchange::session) gave, so give it to the handler by value. If the handler has dropped it
/// before, the exchange learns nothing: if you catch panics yourself, drop the exchange too. A clone of that
/// session, in a task beside the handler, may panic without effect.
///
/// Two more things are the adapter's. If a handler returns a
/// [`SessionError`](crate::session::SessionError), answer with an empty response of its
/// [`status`](crate::session::SessionError::status) and log the error's text. If a handler asks for a session
/// and finds no exchange, answer with an empty 500 and log a text that says how to install your adapter.
///
/// ```
/// use hardtack::{Key, Keyring, session::{Exchange, HeaderEdit, RequestHead, SessionManager}};
///
/// # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
/// let sessions = SessionManager::builder(Keyring::new(Key::generate()?)).build()?;
///
/// let exchange = Exchange::begin(&sessions);
/// let head = RequestHead {
///     method: "GET",
///     path: "/",
///     authority: None,
///     headers: [("host", "example.org")],
/// };
/// let session = exchange.session(head).await;
/// session.insert("user", 7)?; // the handler
///
/// let plan = exchange.commit(exchange.close()).await;
/// let mut edits = exchange.finish(plan, [("content-type", "text/html")]).into_iter();
/// let Some(HeaderEdit::Append("set-cookie", line)) = edits.next() else { panic!() };
/// assert!(line.starts_with("__Host-session=h"));
/// assert_eq!(edits.next(), Some(HeaderEdit::Set("vary", "Cookie".into())));
/// assert_eq!(edits.next(), Some(HeaderEdit::Set("cache-control", "no-store".into())));
/// # Ok(())
/// # }
/// # let mut context = std::task::Context::from_waker(std::task::Waker::noop());
/// # let std::task::Poll::Ready(served) = std::pin::pin!(serve()).poll(&mut context) else { panic!() };
/// # served.unwrap();
/// ```
pub struct Exchange<T: SessionData = SessionMap> {
    handle: Handle<T>,
}

impl<T: SessionData> Exchange<T> {
    /// Starts the exchange of one request. Copies nothing of it.
    #[must_use]
    pub fn begin(manager: &SessionManager<T>) -> Exchange<T> {
        Exchange {
            handle: Handle::new(manager.clone()),
        }
    }

    /// Returns `true` if a layer for this manager, inside of the one that began this exchange, must leave the
    /// request to it: both have the same session, and the outer answer would overwrite the inner one.
    ///
    /// Logs an error if the inner layer is for another manager with the same cookie name: the two overwrite
    /// each other's cookies.
    #[must_use]
    pub fn covers(&self, inner: &SessionManager<T>) -> bool {
        let outer = self.handle.manager();
        let covers = outer.is(inner);
        let name = outer.settings().cookie.name();
        if !covers && name == inner.settings().cookie.name() {
            report_two_of_one_name(name);
        }
        covers
    }

    /// Returns `true` if [`endpoint`](Exchange::endpoint) answers some requests to this manager: for an adapter of
    /// a framework that has to know its routes beforehand.
    #[must_use]
    pub fn has_endpoint(manager: &SessionManager<T>) -> bool {
        #[cfg(feature = "unstable-device-bound")]
        return manager.settings().device.is_some();
        #[cfg(not(feature = "unstable-device-bound"))]
        {
            let _ = manager;
            false
        }
    }

    /// Returns the answer to a request that is for the session layer alone, and no handler's: a browser that
    /// proves its device. For any other request it is `None`, without a look at more than the path.
    ///
    /// Ask before the request is routed. The future gives the edits of an empty response.
    pub fn endpoint<'h, H, N, V>(&self, head: &RequestHead<'h, H>) -> Option<EndpointFuture>
    where
        H: IntoIterator<Item = (&'h N, &'h V)> + Clone,
        N: AsRef<str> + ?Sized + 'h,
        V: AsRef<[u8]> + ?Sized + 'h,
    {
        #[cfg(feature = "unstable-device-bound")]
        {
            let request = self.handle.receive_endpoint(head)?;
            let exchange = self.clone();
            let answer = Box::pin(async move { exchange.answer(request).await });
            Some(EndpointFuture(answer))
        }
        #[cfg(not(feature = "unstable-device-bound"))]
        {
            let _ = head;
            None
        }
    }

    #[cfg(feature = "unstable-device-bound")]
    async fn answer(self, request: EndpointRequest) -> HeaderEdits {
        #[cfg(feature = "store")]
        if let Ok(load) = self.handle.load(()) {
            load.await;
        }
        let answer = match self.handle.answer_endpoint(&request) {
            DeviceStep::Answer(answer) => answer,
            DeviceStep::Bind(login, key) => {
                let plan = self.commit(self.close()).await;
                self.handle.answer_bound(login, &key, plan.0)
            }
        };
        self.edits(answer, ResponseHeaders::default())
    }

    /// Gives the session to a handler. Takes what it needs of the request's head at once, so the future
    /// borrows nothing. A later call gives the same session, whatever its head says.
    ///
    /// For a session in a cookie the future is ready at once: its first use opens it. A session in a store is
    /// loaded by the future.
    pub fn session<'h, H, N, V>(&self, head: RequestHead<'h, H>) -> SessionFuture<T>
    where
        H: IntoIterator<Item = (&'h N, &'h V)> + Clone,
        N: AsRef<str> + ?Sized + 'h,
        V: AsRef<[u8]> + ?Sized + 'h,
    {
        self.handle.receive(&head);
        let session = Session::new(self.handle.give());
        #[cfg(feature = "store")]
        let session = match self.handle.load(session) {
            Ok(load) => return SessionFuture(Step::Store(load)),
            Err(session) => session,
        };
        SessionFuture(Step::Ready(ready(session)))
    }

    /// Decides what becomes of the session. From here on it is read only: a call that writes is
    /// [`SessionError::HeadersSent`](crate::session::SessionError::HeadersSent).
    ///
    /// A second call has nothing to say: its plan edits no header. If no handler used the session until
    /// now, reading it is that error too.
    pub fn close(&self) -> Plan {
        Plan(self.handle.close())
    }

    /// Writes what the plan has for a store. The future is ready at once for a session in a cookie. It
    /// borrows nothing, so a hand-written future can keep it beside the response.
    pub fn commit(&self, plan: Plan) -> Commit {
        #[cfg(feature = "store")]
        let plan = match plan.0.map(|answer| {
            let planned = |answer| Plan(Some(answer));
            self.handle.write_to_store(answer, planned)
        }) {
            Some(Ok(write)) => return Commit(Step::Store(write)),
            Some(Err(answer)) => Plan(Some(answer)),
            None => Plan(None),
        };
        Commit(Step::Ready(ready(plan)))
    }

    /// Returns the edits of the response's headers. `headers` are the lines that it has, as in
    /// [`RequestHead::headers`].
    ///
    /// Logs an error if the response sets the session's cookie already: a layer inside has another manager
    /// with the same cookie name, of another type perhaps.
    pub fn finish<'h, N, V>(
        &self,
        plan: Plan,
        headers: impl IntoIterator<Item = (&'h N, &'h V)>,
    ) -> HeaderEdits
    where
        N: AsRef<str> + ?Sized + 'h,
        V: AsRef<[u8]> + ?Sized + 'h,
    {
        // A developer learns of a second layer at the first such response; in production this costs unused
        // sessions nothing.
        if plan.0.is_none() && !cfg!(debug_assertions) {
            return HeaderEdits::default();
        }
        let name = self.handle.manager().settings().cookie.name();
        let response = ResponseHeaders::read(headers, name);
        if response.sets_the_cookie {
            report_two_of_one_name(name);
        }
        plan.0
            .map_or_else(HeaderEdits::default, |answer| self.edits(answer, response))
    }

    fn edits(&self, answer: Answer, response: ResponseHeaders) -> HeaderEdits {
        let explains = self.handle.manager().settings().explains_failures;
        let (edits, cache_control_replaced) = HeaderEdits::new(answer, response, explains);
        if cache_control_replaced {
            self.handle.manager().report(&Event::CacheControlReplaced);
        }
        edits
    }
}

/// Says that two layers overwrite each other's cookies. A layer inside has another type of data, or other
/// settings.
fn report_two_of_one_name(name: &str) {
    log::error(
        Topic::Setup,
        &format_args!(
            "two `SessionManager`s with the cookie name `{name}` serve one request: share one, or name one of them otherwise"
        ),
    );
}

impl<T: SessionData> Clone for Exchange<T> {
    fn clone(&self) -> Exchange<T> {
        Exchange {
            handle: self.handle.clone(),
        }
    }
}

impl<T: SessionData> fmt::Debug for Exchange<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").finish_non_exhaustive()
    }
}

/// What [`Exchange::close`] decided: to be [committed](Exchange::commit), and then
/// [written to the response](Exchange::finish).
#[derive(Clone)]
#[must_use = "a session whose plan is dropped is not saved"]
pub struct Plan(Option<Answer>);

/// Prints nothing: a plan has the cookies, which are as good as the session.
impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan").finish_non_exhaustive()
    }
}

/// The future of [`Exchange::session`].
#[must_use = "a future does nothing until it is awaited"]
pub struct SessionFuture<T: SessionData = SessionMap>(Step<Session<T>>);

impl<T: SessionData> Future for SessionFuture<T> {
    type Output = Session<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Session<T>> {
        self.0.poll(cx)
    }
}

impl<T: SessionData> fmt::Debug for SessionFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionFuture").finish_non_exhaustive()
    }
}

/// The future of [`Exchange::endpoint`].
#[must_use = "a future does nothing until it is awaited"]
pub struct EndpointFuture(Pin<Box<dyn Future<Output = HeaderEdits> + Send>>);

impl Future for EndpointFuture {
    type Output = HeaderEdits;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<HeaderEdits> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for EndpointFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EndpointFuture").finish_non_exhaustive()
    }
}

/// The future of [`Exchange::commit`].
#[must_use = "a future does nothing until it is awaited"]
pub struct Commit(Step<Plan>);

impl Future for Commit {
    type Output = Plan;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Plan> {
        self.0.poll(cx)
    }
}

impl fmt::Debug for Commit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Commit").finish_non_exhaustive()
    }
}

/// A step that is done at once, without a box, or that a store has to do.
enum Step<R> {
    Ready(Ready<R>),
    #[cfg(feature = "store")]
    Store(Boxed<R>),
}

impl<R: Unpin> Step<R> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<R> {
        match self {
            Step::Ready(ready) => Pin::new(ready).poll(cx),
            #[cfg(feature = "store")]
            Step::Store(step) => step.as_mut().poll(cx),
        }
    }
}
