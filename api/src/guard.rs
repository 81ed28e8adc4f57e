//! A connection's stream that gives up on clients who send nothing at first or take nothing in the end.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

/// What an HTTP/2 connection begins with (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Two deadlines that hyper does not set: until HTTP/1 can be told from HTTP/2 (its own header time-out begins only
/// then), and while the client takes no bytes of an answer.
pub(crate) struct Guarded {
    stream: TcpStream,
    opening: Option<Pin<Box<Sleep>>>,
    /// Bytes of the HTTP/2 preface seen so far.
    matched: usize,
    write_stall: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Guarded {
    pub(crate) fn new(stream: TcpStream, opening: Duration, write_stall: Duration) -> Self {
        let opening = Some(Box::pin(sleep_until(Instant::now() + opening)));
        Self { stream, opening, matched: 0, write_stall, stalled: None }
    }

    /// Ends the first deadline once the bytes are no HTTP/2 preface, or a whole one.
    fn note_read(&mut self, bytes: &[u8]) {
        for b in bytes {
            if self.opening.is_none() {
                return;
            }
            let differs = *b != PREFACE[self.matched];
            self.matched += 1;
            if differs || self.matched == PREFACE.len() {
                self.opening = None;
            }
        }
    }

    fn note_write<T>(&mut self, context: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.stalled = None;
            return outcome;
        }
        let deadline = Instant::now() + self.write_stall;
        let sleep = self.stalled.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        match sleep.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(timed_out("the client takes no bytes"))),
            Poll::Pending => Poll::Pending,
        }
    }
}

fn timed_out(detail: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, detail)
}

impl AsyncRead for Guarded {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(context, buf);
        match outcome {
            Poll::Ready(_) => self.note_read(&buf.filled()[before..]),
            Poll::Pending => {
                if let Some(opening) = &mut self.opening
                    && opening.as_mut().poll(context).is_ready()
                {
                    return Poll::Ready(Err(timed_out("the client sent no request")));
                }
            }
        }
        outcome
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.note_write(context, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.note_write(context, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
