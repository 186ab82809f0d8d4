// SPDX-License-Identifier: MIT

//! The command line, the runtime, clocks and figures.

use std::future::Future;
use std::time::{Duration, Instant};

pub const VERSION: &str = env!("VERSUS_RUSTC");

pub fn usage(why: &str) -> ! {
    eprintln!("{why}\nusage: versus-tokio WORKLOAD --workers=N [--param=...]");
    std::process::exit(2);
}

pub fn wrong(why: &str) -> ! {
    eprintln!("{why}");
    std::process::exit(1);
}

fn option(arg: &str) -> Option<(&str, &str)> {
    arg.strip_prefix("--")?.split_once('=')
}

/// The workload.
pub fn parse() -> String {
    let mut args = std::env::args().skip(1);
    let workload = args.next().unwrap_or_else(|| usage("no workload"));
    if args.any(|a| option(&a).is_none()) {
        usage("a bad option");
    }
    workload
}

/// The first option of that name.
pub fn text(name: &str) -> Option<String> {
    std::env::args().skip(2).find_map(|a| match option(&a) {
        Some((k, v)) if k == name => Some(v.to_string()),
        _ => None,
    })
}

pub fn number(name: &str, def: usize) -> usize {
    match text(name).map(|s| s.parse()) {
        None => def,
        Some(Ok(n)) => n,
        Some(Err(_)) => usage("a bad number"),
    }
}

pub fn flavor() -> String {
    text("flavor").unwrap_or_else(|| "multi-thread".to_string())
}

pub fn workers() -> usize {
    number("workers", 1)
}

pub fn report(name: &str, v: f64, unit: &str) {
    println!("{name}\t{v}\t{unit}");
}

pub fn per_op(begun: Instant, n: usize) -> f64 {
    begun.elapsed().as_nanos() as f64 / n as f64
}

pub fn current_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// f runs as a task of the runtime, not on the thread that blocks on it: there
/// it would be no worker's.
pub fn run<F>(f: F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let rt = match flavor().as_str() {
        "current-thread" => current_thread(),
        "multi-thread" => tokio::runtime::Builder::new_multi_thread()
            .worker_threads(workers())
            .enable_all()
            .build()
            .unwrap(),
        _ => usage("no such flavor"),
    };
    rt.block_on(async { tokio::spawn(f).await.unwrap() });
}

#[repr(C)]
struct Timespec {
    sec: i64,
    nsec: i64,
}

extern "C" {
    fn clock_gettime(id: i32, t: *mut Timespec) -> i32;
    fn sched_setaffinity(pid: i32, size: usize, mask: *const u64) -> i32;
}

/// CPU time of this process.
pub fn cpu_time() -> Duration {
    const CLOCK_PROCESS_CPUTIME_ID: i32 = 2;
    let mut t = Timespec { sec: 0, nsec: 0 };
    // SAFETY: t outlives the call.
    unsafe { clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &mut t) };
    Duration::new(t.sec as u64, t.nsec as u32)
}

pub fn pin_to(cpu: u32) {
    let mask = 1u64 << cpu;
    // SAFETY: mask outlives the call.
    unsafe { sched_setaffinity(0, 8, &mask) };
}

/// Resident memory and the page tables below it.
pub fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let kib: f64 = status
        .lines()
        .filter(|l| l.starts_with("VmRSS:") || l.starts_with("VmPTE:"))
        .filter_map(|l| l.split_whitespace().nth(1)?.parse::<f64>().ok())
        .sum();
    kib * 1024.0
}

pub fn latencies(name: &str, v: &mut [u64]) {
    v.sort_unstable();
    report(&format!("{name}_p50"), v[v.len() / 2] as f64 / 1e3, "us");
    report(&format!("{name}_p99"), v[v.len() * 99 / 100] as f64 / 1e3, "us");
}

pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

pub const SEED: u64 = 88172645463325252;

pub fn spin(d: Duration) {
    let begun = Instant::now();
    while begun.elapsed() < d {}
}

pub fn fib_plain(n: usize) -> usize {
    let (mut a, mut b) = (0, 1);
    for _ in 0..n {
        (a, b) = (b, a + b);
    }
    a
}
