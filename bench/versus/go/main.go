// SPDX-License-Identifier: MIT

// The Go peer: goroutines, channels, sync, time and net as their users have
// them, with the collector's defaults. --workers is GOMAXPROCS.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
)

var options = map[string]string{}

var workloads = map[string]func(){
	"yield":           yield,
	"spawn":           spawn,
	"spawn-join":      spawnJoin,
	"fib-tasks":       fibTasks,
	"skynet-channels": skynetChannels,
	"pingpong":        pingpong,
	"queue":           queue,
	"mutex":           mutex,
	"mutex-contended": mutexContended,
	"sleepers":        sleepers,
	"expiry":          expiry,
	"arm-cancel":      armCancel,
	"memory":          memory,
	"wake":            wake,
	"file":            file,
	"echo":            echo,
	"http":            httpServer,
	"version":         func() { fmt.Println(runtime.Version()) },
}

func wrong(format string, a ...interface{}) {
	fmt.Fprintf(os.Stderr, format+"\n", a...)
	os.Exit(1)
}

func usage(format string, a ...interface{}) {
	fmt.Fprintf(os.Stderr, format+"\n", a...)
	os.Exit(2)
}

func report(name string, v float64, unit string) {
	fmt.Printf("%s\t%.6g\t%s\n", name, v, unit)
}

func perOp(since time.Time, n int) float64 {
	return float64(time.Since(since).Nanoseconds()) / float64(n)
}

func millis(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

func number(name string, def int) int {
	s, there := options[name]
	if !there {
		return def
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		usage("bad --%s=%s", name, s)
	}
	return n
}

func cpuTime() time.Duration {
	var ru syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &ru)
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

// Resident memory and the page tables below it.
func resident() int {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		wrong("%v", err)
	}
	defer f.Close()
	sum := 0
	for s := bufio.NewScanner(f); s.Scan(); {
		if strings.HasPrefix(s.Text(), "VmRSS:") ||
			strings.HasPrefix(s.Text(), "VmPTE:") {
			kib, _ := strconv.Atoi(strings.Fields(s.Text())[1])
			sum += kib * 1024
		}
	}
	return sum
}

func latencies(name string, v []int64) {
	sort.Slice(v, func(a, b int) bool { return v[a] < v[b] })
	report(name+"_p50", float64(v[len(v)/2])/1e3, "us")
	report(name+"_p99", float64(v[len(v)*99/100])/1e3, "us")
}

type random uint64

func (x *random) next() uint64 {
	*x ^= *x << 13
	*x ^= *x >> 7
	*x ^= *x << 17
	return uint64(*x)
}

func main() {
	if len(os.Args) < 2 || workloads[os.Args[1]] == nil {
		usage("usage: versus-go WORKLOAD --workers=N [--param=...]")
	}
	for _, a := range os.Args[2:] {
		at := strings.Index(a, "=")
		if !strings.HasPrefix(a, "--") || at < 0 {
			usage("bad option '%s'", a)
		}
		if _, there := options[a[2:at]]; !there {
			options[a[2:at]] = a[at+1:]
		}
	}
	runtime.GOMAXPROCS(number("workers", 1))
	workloads[os.Args[1]]()
}
