//! A listening socket that can be shut, so that connections are refused, and opened again at the
//! same port.

use std::{
    io,
    net::{SocketAddr, TcpListener as StdListener},
    sync::Arc,
    time::Duration,
};

use socket2::{Domain, SockRef, Socket, Type};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::fault::Service;

/// The handle that shuts and opens.
#[derive(Debug)]
pub(crate) struct Door {
    address: SocketAddr,
    open: watch::Sender<Option<Arc<StdListener>>>,
    service: Service,
}

/// The side where connections come in.
#[derive(Debug)]
pub(crate) struct Entrance {
    listener: watch::Receiver<Option<Arc<StdListener>>>,
}

impl Door {
    pub(crate) fn at(address: SocketAddr, service: Service) -> io::Result<(Self, Entrance)> {
        let listener = listen(address)?;
        let address = listener.local_addr()?;
        let (open, receiver) = watch::channel(Some(Arc::new(listener)));
        Ok((Self { address, open, service }, Entrance { listener: receiver }))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn service(&self) -> Service {
        self.service
    }

    /// Refuses connections from now on.
    pub(crate) fn shut(&self) {
        if let Some(listener) = self.open.send_replace(None) {
            // Linux stops listening at once; elsewhere when the entrance lets go of the socket.
            let _ = SockRef::from(&*listener).shutdown(std::net::Shutdown::Both);
        }
    }

    /// Takes connections again. If somebody else took the port meanwhile, it stays shut.
    pub(crate) fn open(&self) {
        if self.open.borrow().is_none()
            && let Ok(listener) = listen(self.address)
        {
            self.open.send_replace(Some(Arc::new(listener)));
        }
    }
}

impl Entrance {
    /// The next connection; waits while the door is shut.
    pub(crate) async fn next(&mut self) -> TcpStream {
        loop {
            let listener = self.listener.borrow_and_update().clone();
            let listener = listener.and_then(|listener| listener.try_clone().ok());
            let Some(listener) = listener.and_then(|l| TcpListener::from_std(l).ok()) else {
                if self.listener.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
                continue;
            };
            if let Some(stream) = self.accept(listener).await {
                return stream;
            }
        }
    }

    /// One connection, or nothing when the door was shut or opened meanwhile.
    async fn accept(&mut self, listener: TcpListener) -> Option<TcpStream> {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => Some(stream),
                Err(_) => {
                    // Out of descriptors, or shut this very moment: look again in a little while.
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    None
                }
            },
            _ = self.listener.changed() => None,
        }
    }
}

fn listen(address: SocketAddr) -> io::Result<StdListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    Ok(socket.into())
}
