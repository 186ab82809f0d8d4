// SPDX-License-Identifier: MIT

//! The Rust peer: Tokio's two schedulers and, for fork and join, rayon;
//! --flavor=multi-thread (the default), current-thread or rayon.

mod io;
mod jobs;
mod tasks;
mod timers;
mod util;
mod wake;
mod waits;

use util::{flavor, usage};

fn jobs_of_rayon(workload: &str) {
    match workload {
        "spawn" => jobs::spawn(),
        "spawn-join" => jobs::spawn_join(),
        "fib-jobs" => jobs::fib_jobs(),
        "skynet-jobs" => jobs::skynet_jobs(),
        _ => usage("no such workload for rayon"),
    }
}

fn main() {
    let workload = util::parse();
    if flavor() == "rayon" {
        return jobs_of_rayon(&workload);
    }
    match workload.as_str() {
        "yield" => util::run(tasks::give_way()),
        "spawn" => util::run(tasks::spawn()),
        "spawn-join" => util::run(tasks::spawn_join()),
        "fib-tasks" => util::run(tasks::fib_tasks()),
        "skynet-joins" => util::run(tasks::skynet_joins()),
        "skynet-channels" => util::run(tasks::skynet_channels()),
        "memory" => util::run(tasks::memory()),
        "pingpong" => util::run(waits::pingpong()),
        "queue" => util::run(waits::queue()),
        "mutex" => util::run(waits::mutex()),
        "mutex-contended" => util::run(waits::mutex_contended()),
        "sleepers" => util::run(timers::sleepers()),
        "expiry" => util::run(timers::expiry()),
        "arm-cancel" => util::run(timers::arm_cancel()),
        "wake" => wake::wake(),
        "file" => util::run(io::file()),
        "echo" => util::run(io::echo()),
        "http" => util::run(io::http()),
        "version" => println!("{}", util::VERSION),
        _ => usage("no such workload"),
    }
}
