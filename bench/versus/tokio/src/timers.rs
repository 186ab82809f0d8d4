// SPDX-License-Identifier: MIT

//! Sleeping tasks, and timers that do not expire.

use crate::util::*;
use std::future::Future;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::Arc;
use std::task::{Context, RawWaker, RawWakerVTable, Waker};
use std::time::{Duration, Instant};
use tokio::time::{sleep, sleep_until};

/// How late, in ns: never early.
fn late(at: Instant) -> u64 {
    match Instant::now().checked_duration_since(at) {
        Some(d) => d.as_nanos() as u64,
        None => wrong("early"),
    }
}

/// Each is told as it is started to sleep for up to a second; twice.
pub async fn sleepers() {
    let n = number("count", 1000000);
    for name in ["first", "second"] {
        let mut x = Random(SEED);
        let mut handles = Vec::with_capacity(n);
        let cpu = cpu_time();
        for _ in 0..n {
            let d = Duration::from_micros(x.next() % 1000000);
            handles.push(tokio::spawn(async move {
                let at = Instant::now() + d;
                sleep(d).await;
                late(at)
            }));
        }
        let mut over = Vec::with_capacity(n);
        for h in handles {
            over.push(h.await.unwrap());
        }
        let cpu = cpu_time() - cpu;
        report(&format!("{name}_cpu"), cpu.as_secs_f64() * 1e3, "ms");
        latencies(name, &mut over);
    }
}

/// All are asleep before the first deadline, which is checked.
pub async fn expiry() {
    let n = number("count", 1000000);
    let there = Arc::new(AtomicUsize::new(0));
    let base = Instant::now() + Duration::from_micros(6 * n as u64 + 500000);
    let mut x = Random(SEED);
    let mut handles = Vec::with_capacity(n);
    for _ in 0..n {
        let at = base + Duration::from_nanos(x.next() % 1000000000);
        let there = there.clone();
        handles.push(tokio::spawn(async move {
            there.fetch_add(1, Relaxed);
            sleep_until(at.into()).await;
            late(at)
        }));
    }
    while there.load(Relaxed) < n {
        sleep(Duration::from_millis(5)).await;
    }
    if Instant::now() > base {
        wrong("not all were asleep in time");
    }
    sleep_until((base - Duration::from_millis(5)).into()).await;
    let cpu = cpu_time();
    let mut over = Vec::with_capacity(n);
    for h in handles {
        over.push(h.await.unwrap());
    }
    let cpu = cpu_time() - cpu;
    report("cpu", cpu.as_nanos() as f64 / n as f64, "ns");
    latencies("late", &mut over);
}

fn raw_waker() -> RawWaker {
    const TABLE: RawWakerVTable = RawWakerVTable::new(|_| raw_waker(), |_| (), |_| (), |_| ());
    RawWaker::new(ptr::null(), &TABLE)
}

/// A sleep is made, polled once, which arms it, and dropped.
pub async fn arm_cancel() {
    // The driver knows of a nearer one, as in a program at work; else it would
    // be told of each.
    tokio::spawn(sleep(Duration::from_secs(30)));
    sleep(Duration::from_millis(5)).await;
    pairs();
}

fn pairs() {
    let (n, live) = (number("count", 1000000), number("live", 0));
    // SAFETY: none of its functions looks at the pointer.
    let waker = unsafe { Waker::from_raw(raw_waker()) };
    let mut cx = Context::from_waker(&waker);
    let mut others = Vec::with_capacity(live);
    for i in 0..live {
        let us = (i * 7919 % 1000003) as u64;
        let mut s = Box::pin(sleep(Duration::from_secs(3600) + Duration::from_micros(us)));
        assert!(s.as_mut().poll(&mut cx).is_pending());
        others.push(s);
    }
    let begun = Instant::now();
    for i in 0..n {
        let ms = Duration::from_millis(i as u64 % 1000);
        let mut s = Box::pin(sleep(Duration::from_secs(60) + ms));
        assert!(s.as_mut().poll(&mut cx).is_pending());
    }
    report("pair", per_op(begun, n), "ns");
}
