package transfers

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// tick is how long a clock tick of /proc is: USER_HZ, 100 on Linux.
const tick = 10 * time.Millisecond

// cpu is the processor time that a process has used.
func cpu(b *testing.B, pid int) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	must(b, err)
	f := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+2:]))
	var sum int
	for _, n := range f[11:13] { // utime, stime
		ticks, err := strconv.Atoi(n)
		must(b, err)
		sum += ticks
	}
	return time.Duration(sum) * tick
}

// How long an upload takes, the slot included, and what it costs the server; then what a download costs.
func BenchmarkUpload(b *testing.B) {
	for _, size := range []int{10 << 10, 1 << 20, 10 << 20} {
		b.Run(fmt.Sprint(size>>10, "KiB"), func(b *testing.B) {
			s := start(b)
			content := random(size)
			n, user := 0, 0
			var p *person
			before := cpu(b, s.PID())
			b.SetBytes(int64(size))
			var link string
			for b.Loop() {
				if n%90 == 0 { // below what an account may have
					user = user%3 + 1
					p = s.arrive(b, fmt.Sprint("user", user), fmt.Sprint("r", n))
				}
				n++
				link = s.upload(b, p, "a.bin", content, plain)
			}
			b.ReportMetric(float64((cpu(b, s.PID())-before).Microseconds())/float64(b.N), "server-µs/op")
			before = cpu(b, s.PID())
			for range b.N {
				if a := s.do(b, http.MethodGet, link, nil); a.StatusCode != 200 {
					b.Fatal(a.Status)
				}
			}
			b.ReportMetric(float64((cpu(b, s.PID())-before).Microseconds())/float64(b.N), "get-µs/op")
		})
	}
}
