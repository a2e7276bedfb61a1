//! A Redis that answers as a test says.

use std::sync::{Arc, Mutex};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// This connection does not answer any more.
pub const SILENCE: &str = "silence";

/// Redis, as its next answers say. An empty one closes the connection; behind the last there is nothing under any key.
pub struct Fake {
    pub port: u16,
    /// The names of all commands but the greetings, and how many connections there were.
    pub seen: Arc<Mutex<(Vec<String>, usize)>>,
}

impl Fake {
    pub async fn start(answers: &[&'static str]) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let answers = Vec::from(answers).into_iter();
        let answers = Arc::new(Mutex::new(answers));
        let seen = Arc::<Mutex<(Vec<String>, usize)>>::default();
        let fake = Fake {
            port,
            seen: seen.clone(),
        };
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                seen.lock().unwrap().1 += 1;
                let (seen, answers) = (seen.clone(), answers.clone());
                // In a cluster it is the only node.
                let slots =
                    format!("*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:{port}\r\n");
                tokio::spawn(async move {
                    let mut connection = BufReader::new(connection);
                    while let Some(name) = command(&mut connection).await {
                        let answer = match name.as_str() {
                            "CLIENT" | "PING" => "+OK\r\n",
                            "CLUSTER" => &slots,
                            _ => {
                                seen.lock().unwrap().0.push(name);
                                answers.lock().unwrap().next().unwrap_or("$-1\r\n")
                            }
                        };
                        match answer {
                            "" => break,
                            SILENCE => {
                                while command(&mut connection).await.is_some() {}
                                break;
                            }
                            _ => {}
                        }
                        connection.write_all(answer.as_bytes()).await.unwrap();
                    }
                });
            }
        });
        fake
    }

    /// What was seen since the last call.
    pub fn seen(&self) -> (Vec<String>, usize) {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

/// Reads a command and returns its name, or `None` at the end of the connection.
async fn command(connection: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    connection.read_line(&mut line).await.ok()?;
    let words = line.strip_prefix('*')?.trim().parse().unwrap();
    let mut name = None;
    for _ in 0..words {
        let mut line = String::new();
        connection.read_line(&mut line).await.ok()?;
        let len: usize = line.strip_prefix('$')?.trim().parse().unwrap();
        let mut word = vec![0; len + 2];
        connection.read_exact(&mut word).await.ok()?;
        word.truncate(len);
        name.get_or_insert_with(|| String::from_utf8_lossy(&word).into_owned());
    }
    name
}
