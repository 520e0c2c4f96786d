package router

import (
	"fmt"
	"log/slog"
	"runtime"
	"strings"
)

// Guard runs fn on a goroutine that no stream guards: a panic ends this piece of work and nothing else. What is logged says
// where, never what: the value may hold what a peer sent.
func (r *Router) Guard(fn func()) {
	defer func() {
		if p := recover(); p != nil {
			r.Logger.Error("panic", slog.String("type", fmt.Sprintf("%T", p)), slog.String("stack", callers()))
		}
	}()
	fn()
}

// callers lists functions and lines without arguments.
func callers() string {
	var pcs [32]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(4, pcs[:])])
	var b strings.Builder
	for {
		f, more := frames.Next()
		fmt.Fprintf(&b, "%s:%d ", f.Function, f.Line)
		if !more {
			return b.String()
		}
	}
}

// work runs fn on a goroutine of its own, which Close waits for.
func (r *Router) work(fn func()) { r.workers.Go(func() { r.Guard(fn) }) }
