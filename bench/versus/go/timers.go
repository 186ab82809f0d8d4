// SPDX-License-Identifier: MIT
package main

import (
	"sync"
	"time"
)

func late(v []int64) []int64 {
	for _, ns := range v {
		if ns < 0 {
			wrong("%d ns early", -ns)
		}
	}
	return v
}

// Each is told as it is started to sleep for up to a second; twice.
func sleepers() {
	n := number("count", 1000000)
	x := random(88172645463325252)
	over := make([]int64, n)
	length := make([]time.Duration, n)
	for i := range length {
		length[i] = time.Duration(x.next()%1000000) * time.Microsecond
	}
	for _, name := range []string{"first", "second"} {
		var wg sync.WaitGroup
		cpu := cpuTime()
		wg.Add(n)
		for i := 0; i < n; i++ {
			go func(i int) {
				begun := time.Now()
				time.Sleep(length[i])
				over[i] = int64(time.Since(begun) - length[i])
				wg.Done()
			}(i)
		}
		wg.Wait()
		report(name+"_cpu", millis(cpuTime()-cpu), "ms")
		latencies(name, late(over))
	}
}

// All are asleep before the first deadline, which is checked.
func expiry() {
	n := number("count", 1000000)
	x := random(88172645463325252)
	over := make([]int64, n)
	var there, wg sync.WaitGroup
	base := time.Now().Add(time.Duration(n)*6*time.Microsecond +
		500*time.Millisecond)
	there.Add(n)
	wg.Add(n)
	for i := 0; i < n; i++ {
		at := base.Add(time.Duration(x.next() % 1000000000))
		go func(i int, at time.Time) {
			there.Done()
			time.Sleep(time.Until(at))
			over[i] = int64(time.Since(at))
			wg.Done()
		}(i, at)
	}
	there.Wait()
	if time.Now().After(base) {
		wrong("not all were asleep in time")
	}
	time.Sleep(time.Until(base.Add(-5 * time.Millisecond)))
	cpu := cpuTime()
	wg.Wait()
	report("cpu", float64(cpuTime()-cpu)/float64(n), "ns")
	latencies("late", late(over))
}

func armCancel() {
	n, live := number("count", 1000000), number("live", 0)
	fired := func() { wrong("a timer fired") }
	others := make([]*time.Timer, live)
	for i := range others {
		others[i] = time.AfterFunc(time.Hour+
			time.Duration(i*7919%1000003)*time.Microsecond, fired)
	}
	begun := time.Now()
	for i := 0; i < n; i++ {
		t := time.AfterFunc(time.Minute+
			time.Duration(i%1000)*time.Millisecond, fired)
		if !t.Stop() {
			wrong("a timer was not stopped")
		}
	}
	report("pair", perOp(begun, n), "ns")
	for _, t := range others {
		if !t.Stop() {
			wrong("a timer was gone")
		}
	}
}
