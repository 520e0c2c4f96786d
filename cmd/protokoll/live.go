package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"golang.org/x/term"

	"protokoll/cmd/protokoll/node"
)

// report prints a line each second of what happens: figures only, no names and no addresses. On a terminal the line is
// drawn over the one before.
func report(ctx context.Context, n *node.Node, out *os.File) {
	begin, end := "", "\n"
	if term.IsTerminal(int(out.Fd())) {
		begin, end = "\r\x1b[K", ""
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for last := n.Figures().Events; ; {
		select {
		case <-ctx.Done():
			fmt.Fprint(out, begin)
			return
		case <-tick.C:
			f := n.Figures()
			fmt.Fprintf(out, "%sevents %d (+%d/s)  sessions %d  connections %d%s", begin, f.Events, f.Events-last, f.Sessions, f.Connections, end)
			last = f.Events
		}
	}
}
