// SPDX-License-Identifier: MIT

//! Channels and the mutex. Tokio has no channel without a buffer, hence one of
//! one element in pingpong, and none with several receivers, hence one task
//! that receives from however many.

use crate::util::*;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{mpsc, Mutex};

pub async fn pingpong() {
    let n = number("count", 1000000);
    let (there, mut arrived) = mpsc::channel::<usize>(1);
    let (back, mut answer) = mpsc::channel::<usize>(1);
    tokio::spawn(async move {
        while let Some(v) = arrived.recv().await {
            back.send(v + 1).await.unwrap();
        }
    });
    let mut v = 0;
    let begun = Instant::now();
    for _ in 0..n {
        there.send(v).await.unwrap();
        v = answer.recv().await.unwrap();
    }
    report("trip", per_op(begun, n), "ns");
    if v != n {
        wrong("a wrong number");
    }
}

pub async fn queue() {
    let producers = number("producers", 1);
    let each = number("count", 4000000) / producers;
    let (tx, mut rx) = mpsc::channel::<usize>(128);
    let begun = Instant::now();
    for _ in 0..producers {
        let tx = tx.clone();
        tokio::spawn(async move {
            for i in 0..each {
                tx.send(i).await.unwrap();
            }
        });
    }
    drop(tx);
    let mut sum = 0;
    while let Some(v) = rx.recv().await {
        sum += v;
    }
    report("message", per_op(begun, producers * each), "ns");
    if sum != producers * (each * (each - 1) / 2) {
        wrong("elements are wrong");
    }
}

async fn lock(m: Arc<Mutex<usize>>, n: usize) {
    for _ in 0..n {
        *m.lock().await += 1;
    }
}

pub async fn mutex() {
    let n = number("count", 5000000);
    let m = Arc::new(Mutex::new(0));
    let begun = Instant::now();
    lock(m.clone(), n).await;
    report("pair", per_op(begun, n), "ns");
    if *m.lock().await != n {
        wrong("miscounted");
    }
}

pub async fn mutex_contended() {
    let tasks = number("tasks", 8);
    let each = number("count", 4000000) / tasks;
    let m = Arc::new(Mutex::new(0));
    let begun = Instant::now();
    let handles: Vec<_> = (0..tasks)
        .map(|_| tokio::spawn(lock(m.clone(), each)))
        .collect();
    for h in handles {
        h.await.unwrap();
    }
    report("pair", per_op(begun, tasks * each), "ns");
    if *m.lock().await != tasks * each {
        wrong("miscounted");
    }
}
