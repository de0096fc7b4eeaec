//! A connection that can be cut: what is sent meanwhile comes when it is mended, as over a network that
//! lost its packets.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::spawn;

/// Something between a client and a server.
pub(crate) struct Proxy {
    address: SocketAddr,
    cut: Arc<Cut>,
}

#[derive(Default)]
struct Cut {
    is_cut: Mutex<bool>,
    changed: Condvar,
    /// What was taken behind a cut, so that a test can see that there was something.
    held: AtomicBool,
}

impl Proxy {
    /// Stands in front of the server at that address.
    pub(crate) fn start(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, cut) = (listener.local_addr().unwrap(), Arc::new(Cut::default()));
        let (server, shared) = (server.to_owned(), Arc::clone(&cut));
        spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(&server) else { continue };
                let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
                for (from, to) in [(client, server), back] {
                    let cut = Arc::clone(&shared);
                    spawn(move || copy(from, to, &cut));
                }
            }
        });
        Self { address, cut }
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    pub(crate) fn cut(&self) {
        *self.cut.is_cut.lock().unwrap() = true;
    }

    /// Lets everything through again; whether something had waited.
    pub(crate) fn mend(&self) -> bool {
        *self.cut.is_cut.lock().unwrap() = false;
        self.cut.changed.notify_all();
        self.cut.held.load(Ordering::SeqCst)
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, cut: &Cut) {
    let mut bytes = vec![0; 1 << 16];
    loop {
        let count = from.read(&mut bytes).unwrap_or(0);
        let mut is_cut = cut.is_cut.lock().unwrap();
        while *is_cut {
            cut.held.store(true, Ordering::SeqCst);
            is_cut = cut.changed.wait(is_cut).unwrap();
        }
        drop(is_cut);
        if count == 0 || to.write_all(&bytes[..count]).is_err() {
            // The other side may be gone already.
            to.shutdown(std::net::Shutdown::Both).ok();
            return;
        }
    }
}
