// SPDX-License-Identifier: MIT
package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"
)

const block = 4096

func listen() net.Listener {
	l, err := net.Listen("tcp",
		fmt.Sprintf("127.0.0.1:%d", number("port", 0)))
	if err != nil {
		wrong("%v", err)
	}
	report("port", float64(l.Addr().(*net.TCPAddr).Port), "")
	return l
}

// A request that begins with 'w' wants so many microseconds of computing.
func serve(c net.Conn) {
	defer c.Close()
	b := make([]byte, block)
	for {
		n, err := c.Read(b)
		if err != nil {
			return
		}
		if n > 1 && b[0] == 'w' {
			spin(time.Duration(b[1]) * time.Microsecond)
		}
		if _, err = c.Write(b[:n]); err != nil {
			return
		}
	}
}

func echo() {
	var lim syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &lim) == nil {
		lim.Cur = lim.Max
		syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lim)
	}
	l := listen()
	for {
		c, err := l.Accept()
		if err != nil {
			wrong("%v", err)
		}
		go serve(c)
	}
}

func httpServer() {
	body := []byte("Hello, World!")
	if path, there := options["path"]; there {
		var err error
		if body, err = os.ReadFile(path); err != nil {
			wrong("%v", err)
		}
	}
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Write(body)
	})
	wrong("%v", http.Serve(listen(), nil))
}

// Direct reads want their buffers at a boundary.
func aligned() []byte {
	b := make([]byte, 2*block)
	at := -int(uintptr(unsafe.Pointer(&b[0]))) & (block - 1)
	return b[at : at+block]
}

func file() {
	n, tasks := number("count", 1000000), number("tasks", 64)
	flags := os.O_RDONLY
	if number("direct", 0) != 0 {
		flags |= syscall.O_DIRECT
	}
	f, err := os.OpenFile(options["path"], flags, 0)
	if err != nil {
		wrong("%v", err)
	}
	st, _ := f.Stat()
	blocks := uint64(st.Size() / block)
	var wg sync.WaitGroup
	begun := time.Now()
	wg.Add(tasks)
	for t := 0; t < tasks; t++ {
		go func(x random) {
			b := aligned()
			for i := 0; i < n/tasks; i++ {
				k := x.next() % blocks
				got, err := f.ReadAt(b, int64(k)*block)
				if err != nil || got != block ||
					binary.LittleEndian.Uint64(b) != k {
					wrong("block %d is wrong: %v", k, err)
				}
			}
			wg.Done()
		}(random(88172645463325252 + uint64(t)))
	}
	wg.Wait()
	report("read", perOp(begun, n/tasks*tasks), "ns")
}
