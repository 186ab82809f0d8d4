// SPDX-License-Identifier: MIT
package main

import (
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

func echoer(there, back chan int) {
	for v := range there {
		back <- v + 1
	}
	close(back)
}

func pingpong() {
	n := number("count", 1000000)
	there, back := make(chan int), make(chan int)
	go echoer(there, back)
	v := 0
	begun := time.Now()
	for i := 0; i < n; i++ {
		there <- v
		v = <-back
	}
	report("trip", perOp(begun, n), "ns")
	close(there)
	if v != n {
		wrong("a wrong number")
	}
}

func queue() {
	producers, consumers := number("producers", 1), number("consumers", 1)
	each := number("count", 4000000) / producers
	ch := make(chan int, 128)
	var sending, receiving sync.WaitGroup
	var total int64
	begun := time.Now()
	sending.Add(producers)
	receiving.Add(consumers)
	for i := 0; i < producers; i++ {
		go func() {
			for k := 0; k < each; k++ {
				ch <- k
			}
			sending.Done()
		}()
	}
	for i := 0; i < consumers; i++ {
		go func() {
			sum := 0
			for v := range ch {
				sum += v
			}
			atomic.AddInt64(&total, int64(sum))
			receiving.Done()
		}()
	}
	sending.Wait()
	close(ch)
	receiving.Wait()
	report("message", perOp(begun, producers*each), "ns")
	if total != int64(producers*(each*(each-1)/2)) {
		wrong("elements are wrong")
	}
}

func lockers(tasks, each int) {
	var guarded struct {
		sync.Mutex
		x int
	}
	var wg sync.WaitGroup
	begun := time.Now()
	wg.Add(tasks)
	for i := 0; i < tasks; i++ {
		go func() {
			for k := 0; k < each; k++ {
				guarded.Lock()
				guarded.x++
				guarded.Unlock()
			}
			wg.Done()
		}()
	}
	wg.Wait()
	report("pair", perOp(begun, tasks*each), "ns")
	if guarded.x != tasks*each {
		wrong("miscounted")
	}
}

func mutex() { lockers(1, number("count", 20000000)) }

func mutexContended() {
	tasks := number("tasks", 8)
	lockers(tasks, number("count", 8000000)/tasks)
}

func spin(d time.Duration) {
	for begun := time.Now(); time.Since(begun) < d; {
	}
}

// The thread of the calling goroutine, and it alone, on that CPU.
func lockTo(cpu uint) {
	runtime.LockOSThread()
	mask := uint64(1) << cpu
	syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, 8,
		uintptr(unsafe.Pointer(&mask)))
}

// Round trip: two goroutines with a thread and a CPU each. One way: the waker
// goes on computing on its own thread, so another worker takes what it sent.
func wake() {
	n := number("count", 3000)
	oneWay(n)
	there, back := make(chan int), make(chan int)
	go func() {
		lockTo(0)
		echoer(there, back)
	}()
	lockTo(1)
	trip := make([]int64, n)
	for i := range trip {
		spin(200 * time.Microsecond)
		begun := time.Now()
		there <- i
		if <-back != i+1 {
			wrong("a wrong number")
		}
		trip[i] = int64(time.Since(begun))
	}
	close(there)
	latencies("trip", trip)
}

func oneWay(n int) {
	ch := make(chan time.Time, 1)
	var took int64
	go func() {
		for begun := range ch {
			atomic.StoreInt64(&took, int64(time.Since(begun))|1)
		}
	}()
	way := make([]int64, n)
	for i := range way {
		atomic.StoreInt64(&took, 0)
		spin(200 * time.Microsecond)
		ch <- time.Now()
		for atomic.LoadInt64(&took) == 0 {
		}
		way[i] = atomic.LoadInt64(&took)
	}
	close(ch)
	latencies("oneway", way)
}
