// Package upload gives people room for files that they want to send: HTTP File Upload, XEP-0363 version 1.2.0, with purposes.
//
// Terms: a slot is the leave to put one file, of one size and type, within a few minutes; a link is where the file is read. The URL of a
// slot and the link are different and cannot be guessed: who gets a link can never have been the one who may put.
//
// It does: answer requests for slots on a host of its own, take files over HTTP, have them sealed (package uploads) and appended
// as facts before the client hears of it, serve them to whoever has the link, with ranges, so that a browser runs nothing of them;
// keep limits for each account; end files for which a time was set. It does not: look into files, know who reads them, delete by age
// (the retention engine does) or unlink (who follows the log does).
//
// Invariants:
//   - 201 means that the file and its event are on disk.
//   - A slot is good for one file. A link never changes what it shows.
//   - A link holds whose file it is, enciphered and authenticated under a secret of the keybook: no table is needed to find a file, and
//     a made-up link is refused before anything is read.
//   - Whatever cannot be shown (wrong link, expired, erased, restricted) gives the same 404.
package upload
