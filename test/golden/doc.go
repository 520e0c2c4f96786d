// Package golden keeps small stores of invented people, each written by one version of the program, with the state that they
// must have. Every later version must read all of them.
//
// testdata/<version>.tar.gz is a data folder after a clean stop, keys included: log, keys, root.key, ledger; no state, which is folded. Beside
// it testdata/<version>.txt has the digest of the state and every fact with its content. They are never rewritten. The next one is made by
//
//	go test ./test/golden -run TestWrite -write 0.2.0
package golden
