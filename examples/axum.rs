use axum::{Router, routing::get};
use hardtack::{
    Key, Keyring,
    axum::SessionLayer,
    session::{Session, SessionError, Sessions},
};
async fn visits(session: Session) -> Result<String, SessionError> {
    let visits = session.update("visits", |visits: &mut u32| {
        *visits += 1;
        *visits
    })?;
    Ok(format!("visit {visits}"))
}
#[tokio::main(flavor = "current_thread")]
async fn main() {
    let sessions = Sessions::builder(Keyring::new(Key::generate().unwrap()))
        .insecure_for_development()
        .on_event(|e| eprintln!("{e:?}"))
        .build()
        .unwrap();
    let app = Router::new()
        .route("/", get(visits))
        .layer(SessionLayer::new(sessions));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000")
        .await
        .unwrap();
    axum::serve(listener, app).await.unwrap();
}
