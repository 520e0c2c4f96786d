// Package hostile sends the assembled server what no honest client sends, over raw sockets, and checks the answer, that a
// neighbour is served all the while, and that nothing of it turns up in the server's output. One row of the list of hostile
// input is one test: TestHostile/H14. The packages test their own part; this proves the whole.
//
// Where a row asks for a stream error bad-format stands for every more specific XML error (RFC 6120 §4.9.3.1).
package hostile
