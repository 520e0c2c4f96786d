package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"protokoll/cmd/protokoll/node"
)

type versionCmd struct{}

// Run prints the version, the commit it was built from, and the parts whose version matters for stored data.
func (versionCmd) Run() error {
	fmt.Printf("protokoll %s\n%s %s/%s\n", node.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			fmt.Printf("commit %s\n", s.Value)
		}
	}
	for _, d := range info.Deps {
		if d.Path == "github.com/nats-io/nats-server/v2" || d.Path == "go.etcd.io/bbolt" {
			fmt.Printf("%s %s\n", d.Path, d.Version)
		}
	}
	return nil
}
