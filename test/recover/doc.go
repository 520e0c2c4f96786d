// Package recover runs the commands of docs/recover.md in their order on a real server, which loses between them what the page says can
// be lost.
package recover
