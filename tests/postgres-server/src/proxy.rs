//! A network that fails when it is told to: a port that passes everything on to the server, until a commit comes by.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::Outcome;

/// Where the line is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Before the next commit reaches the server.
    BeforeCommit,
    /// After the server has done the next commit, before its answer is back.
    AfterCommit,
    /// So, and nobody gets through any more until [`Proxy::mend`].
    AfterCommitForGood,
}

/// A port on 127.0.0.1 that leads to another. It goes on until the process ends.
pub struct Proxy {
    port: u16,
    next: Arc<Mutex<Option<Cut>>>,
    is_closed: Arc<AtomicBool>,
}

impl Proxy {
    /// Opens a port that leads to `port`.
    ///
    /// # Errors
    /// Of the system.
    pub fn to(port: u16) -> Outcome<Proxy> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let proxy =
            Proxy { port: listener.local_addr()?.port(), next: Arc::default(), is_closed: Arc::default() };
        let (next, is_closed) = (Arc::clone(&proxy.next), Arc::clone(&proxy.is_closed));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if is_closed.load(Ordering::SeqCst) {
                    continue;
                }
                if let Ok(server) = TcpStream::connect(("127.0.0.1", port)) {
                    let _ = connect(client, server, Arc::clone(&next), Arc::clone(&is_closed));
                }
            }
        });
        Ok(proxy)
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Lets everybody through again.
    pub fn mend(&self) {
        self.is_closed.store(false, Ordering::SeqCst);
    }

    /// Cuts the next commit that comes by.
    pub fn cut(&self, cut: Cut) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(cut);
    }
}

fn connect(
    client: TcpStream,
    server: TcpStream,
    next: Arc<Mutex<Option<Cut>>>,
    is_closed: Arc<AtomicBool>,
) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let swallows = Arc::new(AtomicBool::new(false));
    let (back_from, back_to, is_swallowing) =
        (server.try_clone()?, client.try_clone()?, Arc::clone(&swallows));
    thread::spawn(move || pump(back_from, back_to, |_| !is_swallowing.load(Ordering::SeqCst)));
    thread::spawn(move || {
        pump(client, server, |bytes| {
            if !bytes.windows(7).any(|window| window == b"COMMIT\0") {
                return true;
            }
            match next.lock().unwrap_or_else(PoisonError::into_inner).take() {
                None => true,
                Some(Cut::BeforeCommit) => false,
                Some(cut) => {
                    is_closed.store(cut == Cut::AfterCommitForGood, Ordering::SeqCst);
                    swallows.store(true, Ordering::SeqCst);
                    true
                }
            }
        });
    });
    Ok(())
}

/// Passes bytes on until an end is reached or `may_pass` refuses some; then both ends are cut.
fn pump(mut from: TcpStream, mut to: TcpStream, mut may_pass: impl FnMut(&[u8]) -> bool) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(length) = from.read(&mut bytes) {
        if length == 0 || !may_pass(&bytes[..length]) || to.write_all(&bytes[..length]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
