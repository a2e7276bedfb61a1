//! A TCP proxy that breaks connections as asked.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
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
    fault: Arc<Mutex<Fault>>,
    ended: Arc<AtomicBool>,
    sent: Arc<AtomicU32>,
}

impl Proxy {
    /// Starts a proxy for a server on 127.0.0.1.
    pub fn start(server: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let fault = Arc::new(Mutex::new(Fault::None));
        let ended = Arc::new(AtomicBool::new(false));
        let sent = Arc::new(AtomicU32::new(0));
        let proxy = Proxy {
            port,
            fault: fault.clone(),
            ended: ended.clone(),
            sent: sent.clone(),
        };
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                if *fault.lock().unwrap() == Fault::Refuse {
                    continue;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else {
                    continue;
                };
                let (to, from) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                let (there, sent) = (fault.clone(), sent.clone());
                thread::spawn(move || pass(from, to, &there, Some(&sent)));
                let back = fault.clone();
                thread::spawn(move || pass(server, client, &back, None));
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
        self.sent.load(Ordering::Relaxed)
    }

    /// Sets what happens from now on.
    pub fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // The listener looks when somebody comes.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

/// Copies in one direction until a fault or the end of the connection. Requests are counted.
fn pass(mut from: TcpStream, mut to: TcpStream, fault: &Mutex<Fault>, sent: Option<&AtomicU32>) {
    let mut bytes = [0; 65_536];
    while let Ok(len) = from.read(&mut bytes) {
        if len == 0 {
            break;
        }
        if let Some(sent) = sent {
            sent.fetch_add(1, Ordering::Relaxed);
        }
        let fault = *fault.lock().unwrap();
        let passed = match (fault, sent.is_some()) {
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
            (Fault::None | Fault::ResetAfter | Fault::HalfAnAnswer, _) => len,
        };
        if to.write_all(&bytes[..passed]).is_err() || passed < len {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
