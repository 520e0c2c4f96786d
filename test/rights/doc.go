// Package rights holds conversations about what a person may ask for (erasure, restriction), with the operator's commands in
// between, and tests of what they leave behind: on a stopped folder, after a kill, in the files.
package rights
