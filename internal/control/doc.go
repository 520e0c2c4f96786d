// Package control lets the commands of protokoll speak to the server that runs on the same data folder.
//
// A Unix socket of mode 0600 in the data folder: whoever may read the folder may command the server, nobody else. One
// request to a connection: a line of JSON {"command":…,"arguments":…}; answers are lines of JSON: any number of
// {"progress":{…}}, then one {"result":…} or {"error":…}.
//
// It does not know any command; they are registered by cmd/. Hanging up cancels the command.
package control
