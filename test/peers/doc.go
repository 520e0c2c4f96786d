// Package peers moves people between this server and the ones that they come from or go to: Debian's ejabberd and Prosody, as
// their packages install them, with their own export and import. What is checked is what a client sees that signs in
// afterwards. Nothing listens beyond loopback; every folder is the test's own.
//
// What these peers (ejabberd 23.01, Prosody 0.12.3) cannot do, and what the tests therefore do not ask for: ejabberd's import
// does not understand the keys of passwords that XEP-0227 describes, so a new password is set; Prosody's reader of XEP-0227 has
// no place for waiting messages and block lists, so ejabberd shows those.
package peers
