// Package server builds the protokoll binary and runs it for the tests: `demo` on a folder of its own and on ports of
// its own on loopback, ended gently or by kill -9, and started again on the same folder. Each test package builds once,
// in TestMain. Nothing here knows the server's insides: flags and file names are the contract of the command line.
package server
