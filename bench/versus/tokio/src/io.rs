// SPDX-License-Identifier: MIT

//! Sockets, files and hyper.

use crate::util::*;
use std::alloc::{alloc, dealloc, Layout};
use std::convert::Infallible;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const BLOCK: usize = 4096;

/// As many files as the hard limit allows.
fn all_files() {
    const RLIMIT_NOFILE: i32 = 7;
    extern "C" {
        fn getrlimit(what: i32, lim: *mut [u64; 2]) -> i32;
        fn setrlimit(what: i32, lim: *const [u64; 2]) -> i32;
    }
    let mut lim = [0u64; 2];
    // SAFETY: two words each, which outlive the calls.
    unsafe {
        if getrlimit(RLIMIT_NOFILE, &mut lim) == 0 {
            lim[0] = lim[1];
            setrlimit(RLIMIT_NOFILE, &lim);
        }
    }
}

/// Room for 4096 connections that wait to be accepted, as the others have.
async fn listen() -> TcpListener {
    let s = tokio::net::TcpSocket::new_v4().unwrap();
    s.set_reuseaddr(true).unwrap();
    s.bind(([127, 0, 0, 1], number("port", 0) as u16).into()).unwrap();
    let l = s.listen(4096).unwrap();
    report("port", l.local_addr().unwrap().port() as f64, "");
    l
}

/// A request that begins with 'w' wants so many microseconds of computing.
async fn serve(mut s: TcpStream) {
    let mut b = [0u8; BLOCK];
    loop {
        let n = match s.read(&mut b).await {
            Ok(0) | Err(_) => return,
            Ok(n) => n,
        };
        if n > 1 && b[0] == b'w' {
            spin(Duration::from_micros(b[1] as u64));
        }
        if s.write_all(&b[..n]).await.is_err() {
            return;
        }
    }
}

pub async fn echo() {
    all_files();
    let l = listen().await;
    loop {
        let (s, _) = l.accept().await.unwrap();
        s.set_nodelay(true).unwrap();
        tokio::spawn(serve(s));
    }
}

pub async fn http() {
    use hyper::body::Bytes;
    use hyper::{header, service::service_fn, Body, Request, Response};
    let body = match text("path") {
        None => Bytes::from_static(b"Hello, World!"),
        Some(path) => Bytes::from(std::fs::read(path).unwrap()),
    };
    let l = listen().await;
    loop {
        let (s, _) = l.accept().await.unwrap();
        s.set_nodelay(true).unwrap();
        let body = body.clone();
        tokio::spawn(async move {
            let hello = service_fn(|_: Request<Body>| {
                let mut r = Response::new(Body::from(body.clone()));
                r.headers_mut().insert(
                    header::CONTENT_TYPE,
                    header::HeaderValue::from_static("text/plain"),
                );
                async { Ok::<_, Infallible>(r) }
            });
            let _ = hyper::server::conn::Http::new()
                .http1_only(true)
                .serve_connection(s, hello)
                .await;
        });
    }
}

/// Direct reads want their buffers at a boundary.
struct Aligned(*mut u8);

// SAFETY: it owns its memory.
unsafe impl Send for Aligned {}

impl Aligned {
    fn layout() -> Layout {
        Layout::from_size_align(BLOCK, BLOCK).unwrap()
    }
    fn new() -> Self {
        // SAFETY: the layout is not empty.
        Aligned(unsafe { alloc(Self::layout()) })
    }
    fn bytes(&mut self) -> &mut [u8] {
        // SAFETY: a block was allocated, and is borrowed as self is.
        unsafe { std::slice::from_raw_parts_mut(self.0, BLOCK) }
    }
}

impl Drop for Aligned {
    fn drop(&mut self) {
        // SAFETY: allocated by new() with this layout.
        unsafe { dealloc(self.0, Self::layout()) }
    }
}

/// A hop to the pool of blocking threads for each read, as tokio::fs has it.
async fn reader(f: Arc<File>, blocks: u64, n: usize, seed: u64) {
    let mut x = Random(seed);
    let mut b = Aligned::new();
    for _ in 0..n {
        let (f, k) = (f.clone(), x.next() % blocks);
        b = tokio::task::spawn_blocking(move || {
            if f.read_exact_at(b.bytes(), k * BLOCK as u64).is_err() {
                wrong("a read fails");
            }
            b
        })
        .await
        .unwrap();
        if b.bytes()[..8] != k.to_le_bytes() {
            wrong("a block is wrong");
        }
    }
}

pub async fn file() {
    const O_DIRECT: i32 = if cfg!(target_arch = "aarch64") { 0o200000 } else { 0o40000 };
    let (n, tasks) = (number("count", 200000), number("tasks", 64));
    let flags = if number("direct", 0) != 0 { O_DIRECT } else { 0 };
    let f = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(text("path").unwrap_or_default())
        .unwrap_or_else(|e| wrong(&e.to_string()));
    let blocks = f.metadata().unwrap().len() / BLOCK as u64;
    let f = Arc::new(f);
    let begun = Instant::now();
    let handles: Vec<_> = (0..tasks)
        .map(|t| tokio::spawn(reader(f.clone(), blocks, n / tasks, SEED + t as u64)))
        .collect();
    for h in handles {
        h.await.unwrap();
    }
    report("read", per_op(begun, n / tasks * tasks), "ns");
}
