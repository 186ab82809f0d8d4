// SPDX-License-Identifier: MIT
package main

import (
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// Two goroutines give way to each other.
func yield() {
	n := number("count", 2000000) / 2
	var wg sync.WaitGroup
	var done [2]struct {
		n int
		_ [120]byte
	}
	begun := time.Now()
	wg.Add(2)
	for i := 0; i < 2; i++ {
		go func(done *int) {
			for k := 0; k < n; k++ {
				*done++
				runtime.Gosched()
			}
			wg.Done()
		}(&done[i].n)
	}
	wg.Wait()
	ns := perOp(begun, 2*n)
	if done[0].n != n || done[1].n != n {
		wrong("miscounted")
	}
	report("switch", ns, "ns")
}

func spawn() {
	n := number("count", 1000000)
	var counted int64
	for round, name := range []string{"first", "second"} {
		var wg sync.WaitGroup
		begun := time.Now()
		wg.Add(n)
		for i := 0; i < n; i++ {
			go func() {
				atomic.AddInt64(&counted, 1)
				wg.Done()
			}()
		}
		wg.Wait()
		report(name, perOp(begun, n), "ns")
		if counted != int64(n*(round+1)) {
			wrong("miscounted")
		}
	}
}

func spawnJoin() {
	n := number("count", 1000000)
	sum := 0
	var wg sync.WaitGroup
	begun := time.Now()
	for i := 0; i < n; i++ {
		wg.Add(1)
		go func() {
			sum++
			wg.Done()
		}()
		wg.Wait()
	}
	report("task", perOp(begun, n), "ns")
	if sum != n {
		wrong("miscounted")
	}
}

func fib(n int) int {
	if n < 2 {
		return n
	}
	var wg sync.WaitGroup
	var a int
	wg.Add(1)
	go func() {
		a = fib(n - 1)
		wg.Done()
	}()
	b := fib(n - 2)
	wg.Wait()
	return a + b
}

func fibPlain(n int) int {
	a, b := 0, 1
	for ; n > 0; n-- {
		a, b = b, a+b
	}
	return a
}

func fibTasks() {
	n := number("number", 27)
	begun := time.Now()
	if fib(n) != fibPlain(n) {
		wrong("a wrong number")
	}
	report("call", perOp(begun, 2*fibPlain(n+1)-1), "ns")
}

const children = 10

func skynet(up chan int, first, leaves int) {
	if leaves == 1 {
		up <- first
		return
	}
	ch := make(chan int, children)
	for i := 0; i < children; i++ {
		go skynet(ch, first+i*(leaves/children), leaves/children)
	}
	sum := 0
	for i := 0; i < children; i++ {
		sum += <-ch
	}
	up <- sum
}

func skynetChannels() {
	n := number("count", 1000000)
	for _, name := range []string{"first", "second"} {
		up := make(chan int, 1)
		begun := time.Now()
		go skynet(up, 0, n)
		if <-up != n*(n-1)/2 {
			wrong("a wrong sum")
		}
		report(name, millis(time.Since(begun)), "ms")
	}
}

// What a goroutine adds that waits in a channel.
func memory() {
	n := number("count", 1000000)
	var there, over sync.WaitGroup
	gate := make(chan int)
	runtime.GC()
	debug.FreeOSMemory()
	before := resident()
	there.Add(n)
	over.Add(n)
	for i := 0; i < n; i++ {
		go func() {
			there.Done()
			<-gate
			over.Done()
		}()
	}
	there.Wait()
	report("suspended", float64(resident()-before)/float64(n), "bytes")
	close(gate)
	over.Wait()
}
