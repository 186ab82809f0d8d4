// SPDX-License-Identifier: MIT

//! Waking a worker that has idled for 200 us: one way from a thread that is
//! none of the runtime's, and the round trip between two runtimes of one
//! thread each. A waker within a runtime would not do: what it wakes waits for
//! it to give way, in a slot that other workers do not steal from.

use crate::util::*;
use std::sync::atomic::{AtomicU64, Ordering::*};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

const IDLE: Duration = Duration::from_micros(200);

pub fn wake() {
    let n = number("count", 3000);
    one_way(n);
    round_trip(n);
}

fn one_way(n: usize) {
    let (tx, mut rx) = mpsc::channel::<Instant>(1);
    let took = Arc::new(AtomicU64::new(0));
    let theirs = took.clone();
    let other = std::thread::spawn(move || {
        pin_to(0);
        current_thread().block_on(async move {
            while let Some(begun) = rx.recv().await {
                theirs.store(begun.elapsed().as_nanos() as u64 | 1, Release);
            }
        });
    });
    pin_to(1);
    let mut way = Vec::with_capacity(n);
    for _ in 0..n {
        took.store(0, Relaxed);
        spin(IDLE);
        tx.try_send(Instant::now()).unwrap();
        while took.load(Acquire) == 0 {
            std::hint::spin_loop();
        }
        way.push(took.load(Relaxed));
    }
    drop(tx);
    other.join().unwrap();
    latencies("oneway", &mut way);
}

fn round_trip(n: usize) {
    let (there, mut arrived) = mpsc::channel::<usize>(1);
    let (back, mut answer) = mpsc::channel::<usize>(1);
    let other = std::thread::spawn(move || {
        pin_to(0);
        current_thread().block_on(async move {
            while let Some(v) = arrived.recv().await {
                back.send(v + 1).await.unwrap();
            }
        });
    });
    pin_to(1);
    current_thread().block_on(async move {
        let mut trip = Vec::with_capacity(n);
        for i in 0..n {
            spin(IDLE);
            let begun = Instant::now();
            there.send(i).await.unwrap();
            if answer.recv().await != Some(i + 1) {
                wrong("a wrong number");
            }
            trip.push(begun.elapsed().as_nanos() as u64);
        }
        latencies("trip", &mut trip);
    });
    other.join().unwrap();
}
