// SPDX-License-Identifier: MIT

//! Tasks that start, give way and end.

use crate::util::*;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;
use tokio::sync::{mpsc, Notify};

/// Wakes itself and is polled again in its turn: what yield_now() was before
/// it became lazy, and a third as dear.
struct GiveWay(bool);

impl Future for GiveWay {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

pub async fn give_way() {
    let n = number("count", 2000000) / 2;
    let begun = Instant::now();
    let tasks: Vec<_> = (0..2)
        .map(|_| {
            tokio::spawn(async move {
                let mut done = 0;
                for _ in 0..n {
                    done += 1;
                    GiveWay(false).await;
                }
                done
            })
        })
        .collect();
    let mut sum = 0;
    for t in tasks {
        sum += t.await.unwrap();
    }
    report("switch", per_op(begun, 2 * n), "ns");
    if sum != 2 * n {
        wrong("miscounted");
    }
}

pub async fn spawn() {
    let n = number("count", 1000000);
    for name in ["first", "second"] {
        let counted = Arc::new(AtomicUsize::new(0));
        let over = Arc::new(Notify::new());
        let begun = Instant::now();
        for _ in 0..n {
            let (counted, over) = (counted.clone(), over.clone());
            tokio::spawn(async move {
                if counted.fetch_add(1, Relaxed) + 1 == n {
                    over.notify_one();
                }
            });
        }
        over.notified().await;
        report(name, per_op(begun, n), "ns");
        if counted.load(Relaxed) != n {
            wrong("miscounted");
        }
    }
}

pub async fn spawn_join() {
    let n = number("count", 1000000);
    let mut sum = 0;
    let begun = Instant::now();
    for _ in 0..n {
        sum = tokio::spawn(async move { sum + 1 }).await.unwrap();
    }
    report("task", per_op(begun, n), "ns");
    if sum != n {
        wrong("miscounted");
    }
}

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

fn fib(n: usize) -> Boxed<usize> {
    Box::pin(async move {
        if n < 2 {
            return n;
        }
        let a = tokio::spawn(fib(n - 1));
        let b = fib(n - 2).await;
        a.await.unwrap() + b
    })
}

pub async fn fib_tasks() {
    let n = number("number", 27);
    let begun = Instant::now();
    if fib(n).await != fib_plain(n) {
        wrong("a wrong number");
    }
    report("call", per_op(begun, 2 * fib_plain(n + 1) - 1), "ns");
}

const CHILDREN: usize = 10;

fn by_joins(first: usize, leaves: usize) -> Boxed<usize> {
    Box::pin(async move {
        if leaves == 1 {
            return first;
        }
        let each = leaves / CHILDREN;
        let tasks: Vec<_> = (0..CHILDREN)
            .map(|i| tokio::spawn(by_joins(first + i * each, each)))
            .collect();
        let mut sum = 0;
        for t in tasks {
            sum += t.await.unwrap();
        }
        sum
    })
}

fn by_channels(up: mpsc::Sender<usize>, first: usize, leaves: usize) -> Boxed<()> {
    Box::pin(async move {
        let mut sum = first;
        if leaves > 1 {
            let each = leaves / CHILDREN;
            let (tx, mut rx) = mpsc::channel(CHILDREN);
            for i in 0..CHILDREN {
                tokio::spawn(by_channels(tx.clone(), first + i * each, each));
            }
            drop(tx);
            sum = 0;
            while let Some(v) = rx.recv().await {
                sum += v;
            }
        }
        up.send(sum).await.unwrap();
    })
}

pub async fn skynet_joins() {
    let n = number("count", 1000000);
    for name in ["first", "second"] {
        let begun = Instant::now();
        let sum = tokio::spawn(by_joins(0, n)).await.unwrap();
        report(name, per_op(begun, 1000000), "ms");
        if sum != n * (n - 1) / 2 {
            wrong("a wrong sum");
        }
    }
}

pub async fn skynet_channels() {
    let n = number("count", 1000000);
    for name in ["first", "second"] {
        let (tx, mut rx) = mpsc::channel(1);
        let begun = Instant::now();
        tokio::spawn(by_channels(tx, 0, n));
        let sum = rx.recv().await.unwrap();
        report(name, per_op(begun, 1000000), "ms");
        if sum != n * (n - 1) / 2 {
            wrong("a wrong sum");
        }
    }
}

/// What a task adds that waits for a notification, its handle included, and
/// one that was spawned and has not run.
pub async fn memory() {
    let n = number("count", 1000000);
    let (go, there) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
    let mut handles = Vec::with_capacity(n);
    let before = resident();
    for _ in 0..n {
        let (go, there) = (go.clone(), there.clone());
        handles.push(tokio::spawn(async move {
            let told = go.notified();
            there.fetch_add(1, Relaxed);
            told.await;
        }));
    }
    if there.load(Relaxed) == 0 {
        report("unstarted", (resident() - before) / n as f64, "bytes");
    }
    while there.load(Relaxed) < n {
        tokio::task::yield_now().await;
    }
    report("suspended", (resident() - before) / n as f64, "bytes");
    go.notify_waiters();
    for h in handles {
        h.await.unwrap();
    }
}
