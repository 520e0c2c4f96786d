// Package eventlog is the contract of the log: what an event is, how it is appended, read and followed.
//
// The promises (whoever implements Log keeps them):
//
//   - A Receipt is settled without an error only after every event of its command is on disk: written, synced, and its
//     folder synced where the file is new. A process death or power cut afterwards loses none of them.
//   - A Receipt settled with an error means that no event of the command will ever be seen in the lane that failed, unless
//     the error is ErrUncertain: then the log has stopped and the next start decides.
//   - Events of commands appended one after the other by one goroutine, or under one lock, keep that order in each lane.
//     The events of one command that share a lane are consecutive; all but the last are flagged More, and followers get
//     them whole.
//   - Followers never see an event above the durable mark of its lane. They see positions in order, without gaps other than
//     numbers recorded as void or swept.
//   - A number is never used twice.
//
// It does not: decide anything about content. Sealing is eventlog/seal, the embedded JetStream is eventlog/jetstream, and
// what events mean is folded in projections/.
package eventlog
