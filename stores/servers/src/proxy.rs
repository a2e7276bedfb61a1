//! A TCP proxy that breaks connections as asked.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

/// What the proxy does to connections, old and new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Passes everything on.
    None,
    /// Closes each connection at once.
    Refuse,
    /// Closes a connection that sends something, before the server gets it.
    ResetBefore,
    /// Passes on what is sent, and closes the connection in place of the answer.
    ResetAfter,
    /// Passes nothing on: the server hangs.
    Hang,
    /// Passes nothing on of the connections that were there before, and everything of new ones: another machine has
    /// taken over, and nobody resets what its predecessor had.
    Gone,
    /// Passes on the first half of an answer, then closes the connection.
    HalfAnAnswer,
    /// Passes nothing on, and answers each command of Redis with this.
    Answer(&'static str),
    /// Passes everything on, what is sent only after this time: the server is that far away.
    Delay(Duration),
}

/// A proxy on a free port of the loopback interface.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// Somebody has connected.
    accepted: Condvar,
    sent: AtomicU32,
}

struct State {
    fault: Fault,
    /// Ends with each [`Fault::Hang`], and so do the connections made before: a request that nobody waits for any
    /// more must not be passed on because a thread of the proxy was slow.
    generation: u32,
    /// Its connections. One that waits for an answer sends nothing more, and would be held for good.
    open: Vec<TcpStream>,
    /// The port of the client that connected last.
    client: u16,
    ended: bool,
}

impl Proxy {
    /// Starts a proxy for a server on 127.0.0.1.
    pub fn start(server: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = State {
            fault: Fault::None,
            generation: 0,
            open: Vec::new(),
            client: 0,
            ended: false,
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            accepted: Condvar::new(),
            sent: AtomicU32::new(0),
        });
        let proxy = Proxy {
            port,
            shared: shared.clone(),
        };
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (fault, generation) = {
                    let mut state = shared.state.lock().unwrap();
                    if state.ended {
                        return;
                    }
                    state.client = client.peer_addr().map_or(0, |address| address.port());
                    if state.fault != Fault::Refuse {
                        state.open.push(client.try_clone().unwrap());
                    }
                    (state.fault, state.generation)
                };
                shared.accepted.notify_all();
                if fault == Fault::Refuse {
                    continue;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else {
                    let _ = client.shutdown(Shutdown::Both);
                    continue;
                };
                let (to, from) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                let (there, back) = (shared.clone(), shared.clone());
                thread::spawn(move || pass(from, to, &there, generation, true));
                thread::spawn(move || pass(server, client, &back, generation, false));
            }
        });
        proxy
    }

    /// Returns its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns how often clients have sent something.
    pub fn sent(&self) -> u32 {
        self.shared.sent.load(Ordering::Relaxed)
    }

    /// Sets what happens from now on.
    pub fn set(&self, fault: Fault) {
        let mut state = self.shared.state.lock().unwrap();
        if state.fault == Fault::Hang {
            drop(state);
            // Who has connected before this connection is accepted before it.
            let last = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
            let last = last.local_addr().unwrap().port();
            state = self.shared.state.lock().unwrap();
            while state.client != last {
                state = self.shared.accepted.wait(state).unwrap();
            }
            state.generation += 1;
            if fault != Fault::Gone {
                for connection in state.open.drain(..) {
                    let _ = connection.shutdown(Shutdown::Both);
                }
            }
        }
        state.fault = fault;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Ok(mut state) = self.shared.state.lock() {
            state.ended = true;
        }
        // The listener looks when somebody comes.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

/// Copies in one direction until a fault or the end of the connection. Requests are counted.
fn pass(
    mut from: TcpStream,
    mut to: TcpStream,
    shared: &Shared,
    generation: u32,
    is_request: bool,
) {
    let mut bytes = [0; 65_536];
    while let Ok(len) = from.read(&mut bytes) {
        if len == 0 {
            break;
        }
        if is_request {
            shared.sent.fetch_add(1, Ordering::Relaxed);
        }
        let fault = {
            let state = shared.state.lock().unwrap();
            match state.fault {
                Fault::Gone if state.generation != generation => Fault::Hang,
                _ if state.generation != generation => break,
                fault => fault,
            }
        };
        let passed = match (fault, is_request) {
            (Fault::Refuse | Fault::ResetBefore, _) | (Fault::ResetAfter, false) => break,
            (Fault::Hang, _) | (Fault::Answer(_), false) => continue,
            (Fault::Answer(answer), true) => {
                // A client greets with several commands at once.
                let more = bytes[..len].windows(3).filter(|three| three == b"\r\n*");
                let answers = answer.repeat(1 + more.count());
                match from.write_all(answers.as_bytes()) {
                    Ok(()) => continue,
                    Err(_) => break,
                }
            }
            (Fault::HalfAnAnswer, false) => len / 2,
            (Fault::Delay(time), true) => {
                thread::sleep(time);
                len
            }
            (Fault::Delay(_), false) => len,
            (Fault::None | Fault::Gone | Fault::ResetAfter | Fault::HalfAnAnswer, _) => len,
        };
        if to.write_all(&bytes[..passed]).is_err() || passed < len {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pool would keep it for good, and have one connection less.
    #[test]
    fn connection_that_waits_for_an_answer_ends_when_the_server_is_back() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Proxy::start(server.local_addr().unwrap().port());
        proxy.set(Fault::Hang);
        let mut client = TcpStream::connect(("127.0.0.1", proxy.port())).unwrap();
        client.write_all(b"PING").unwrap();
        while proxy.sent() == 0 {
            thread::yield_now();
        }
        proxy.set(Fault::None);
        let patience = Some(Duration::from_secs(60));
        client.set_read_timeout(patience).unwrap();
        assert!(
            !matches!(client.read(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
        );
    }
}
