// Package engine carries the policy's rules out: it finds what is due in the log, and takes it out for good.
//
// It does: plan a sweep of a lane from the rules and the current facts, write the plan down, carry it out step by step, go on
// with it after a crash, say what is due and overdue, and wait where taking something out would be too early or too much.
//
// It does not: open what belongs to people, decide what a rule is (package retention), or know how a log drops a segment.
//
// Terms. A record is live when state points at exactly its position. A segment is clean when all its records are live and no
// rule of age ends any of them: it stays untouched. Every number of a swept segment has a fate: moved, held, void, or the name
// of the rule that erased it.
//
// # A sweep, step by step; each may be repeated
//
//  1. The live segment is rolled if it holds something due. From here on the log notes what is appended.
//  2. The plan is written: which segments, oldest first, and where the lanes stood.
//  3. Segment by segment: what is live is appended again at the head of the lane, what is due of restricted persons in lane
//     held; what a rule of age ends gets an END of the same rank. Then the fates go to lane proof, as one command.
//  4. Ledger and state have passed all of it; the lane's state file is folded anew without the segments.
//  5. The ledger forgets the leaves, the log drops the segments, oldest first. The plan is removed.
//
// # Invariants
//
//   - A segment is only swept together with, or after, every older one that is not clean. So no older kept segment holds
//     anything of an entity that ended, and ENDs and CLOSEs need never be copied.
//   - Nothing is dropped before all that is live of it is on disk elsewhere, and what became of each number is in proof.
//   - No rule of age is applied while the clock stands before the newest event, or for a day after it jumped.
//   - No sweep ends more facts than the policy's limit allows, unless staff said yes.
//   - What is due by being superseded or ended goes at the next sweep. Sweeps of a lane begin half of its shortest deadline
//     apart, and segments are no older when they are rolled.
//
// # Layout on disk
//
//	plan-<lane>.json   the sweep of a lane that is under way: ids and numbers, nothing of people
package engine
