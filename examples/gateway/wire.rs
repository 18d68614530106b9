//! A connection to a caller, on which a write fails once the caller takes too slowly what was written.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use crate::{caller::Caller, pace::Pace};

#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    caller: Arc<Caller>,
    pace: Pace,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream, caller: Arc<Caller>, patience: Duration) -> Self {
        notice_progress(&stream, patience);
        Self { stream, caller, pace: Pace::new(patience) }
    }

    fn written(&mut self, written: Poll<io::Result<usize>>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if written.is_pending() {
            ready!(self.pace.poll_over(context));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if let Poll::Ready(Ok(bytes)) = written {
            // What goes out at once proves nothing: an answer to a ping of HTTP/2 does.
            if self.pace.waits() {
                self.caller.takes();
            }
            self.pace.moved(bytes);
        }
        written
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.written(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// By default Linux asks for more only when a third of its buffer is free, which may be megabytes: a caller who takes some
/// hundred kilobytes a second would seem to take nothing for many seconds. So it keeps no more unsent than the slowest
/// caller takes in the time in which he is waited for, and asks for more at half of it; but 4 KiB at least, so that where a
/// caller is waited for less than eight seconds, he has to take more. Where this is refused the default stays.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn notice_progress(stream: &TcpStream, patience: Duration) {
    const FEWEST_UNSENT: u32 = 4 << 10;
    const MOST_UNSENT: u32 = 128 << 10;

    let seconds = u32::try_from(patience.as_secs()).unwrap_or(u32::MAX);
    let unsent = seconds.saturating_mul(crate::pace::LEAST).clamp(FEWEST_UNSENT, MOST_UNSENT);
    let _ = socket2::SockRef::from(stream).set_tcp_notsent_lowat(unsent);
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn notice_progress(_: &TcpStream, _: Duration) {}
