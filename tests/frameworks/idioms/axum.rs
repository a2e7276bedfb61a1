use crate::{
    kit::clock::Clock,
    site::{ring, settings},
};
use axum::{
    body::Body,
    http::{Request, Response},
};
use hardtack::axum::SessionLayer;
use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll, Waker},
};
use tower::{Layer, Service};

/// Takes one request at a time, and is at it.
#[derive(Clone)]
struct Busy;

impl Service<Request<Body>> for Busy {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Pending
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        ready(Ok(Response::default()))
    }
}

#[test]
fn a_service_that_is_busy_stays_busy_behind_the_layer() {
    let sessions = settings(ring(), &Clock::new()).build().unwrap();
    let mut service = SessionLayer::new(sessions).layer(Busy);
    let mut context = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut context).is_pending());
}
