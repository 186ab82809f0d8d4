// SPDX-License-Identifier: MIT

//! rayon: forks and joins, and no waiting for anything else.

use crate::util::*;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

fn pool() -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new()
        .num_threads(workers())
        .build()
        .unwrap()
}

pub fn spawn() {
    let n = number("count", 1000000);
    pool().install(|| {
        for name in ["first", "second"] {
            let counted = AtomicUsize::new(0);
            let begun = Instant::now();
            rayon::scope(|s| {
                for _ in 0..n {
                    s.spawn(|_| {
                        counted.fetch_add(1, Relaxed);
                    });
                }
            });
            report(name, per_op(begun, n), "ns");
            if counted.load(Relaxed) != n {
                wrong("miscounted");
            }
        }
    });
}

pub fn spawn_join() {
    let n = number("count", 10000000);
    pool().install(|| {
        let counted = AtomicUsize::new(0);
        let begun = Instant::now();
        for _ in 0..n {
            rayon::join(
                || (),
                || {
                    counted.fetch_add(1, Relaxed);
                },
            );
        }
        report("task", per_op(begun, n), "ns");
        if counted.load(Relaxed) != n {
            wrong("miscounted");
        }
    });
}

fn fib(n: usize) -> usize {
    if n < 2 {
        return n;
    }
    let (a, b) = rayon::join(|| fib(n - 1), || fib(n - 2));
    a + b
}

pub fn fib_jobs() {
    let n = number("number", 35);
    pool().install(|| {
        let begun = Instant::now();
        let got = fib(n);
        report("call", per_op(begun, 2 * fib_plain(n + 1) - 1), "ns");
        if got != fib_plain(n) {
            wrong("a wrong number");
        }
    });
}

const CHILDREN: usize = 10;

fn skynet(first: usize, leaves: usize) -> usize {
    if leaves == 1 {
        return first;
    }
    let each = leaves / CHILDREN;
    let mut sums = [0; CHILDREN];
    rayon::scope(|s| {
        for (i, sum) in sums.iter_mut().enumerate() {
            s.spawn(move |_| *sum = skynet(first + i * each, each));
        }
    });
    sums.iter().sum()
}

pub fn skynet_jobs() {
    let n = number("count", 1000000);
    pool().install(|| {
        for name in ["first", "second"] {
            let begun = Instant::now();
            let sum = skynet(0, n);
            report(name, per_op(begun, 1000000), "ms");
            if sum != n * (n - 1) / 2 {
                wrong("a wrong sum");
            }
        }
    });
}
