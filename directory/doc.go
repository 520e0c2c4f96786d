// Package directory says who may log in: it finds people in an LDAP directory,
// checks their password by a bind, and maps their mail address to a localpart
// and back.
//
// What it does: the rule list between mail addresses and localparts (Mapping);
// a bounded pool of TLS connections with fail-over between servers (LDAP); the
// sign-in (Authenticate: search as the service account, then bind as the DN that
// was found); a walk over the whole directory (Walk) and a report on what in it
// does not fit the mapping (Check).
//
// What it does not: it stores nothing, neither passwords nor entries; it knows
// nothing of accounts, sessions or events (who owns which data is decided by
// Entry.ID, elsewhere); it does not hash passwords of local accounts; it follows
// no referral.
//
// These rules hold:
//
//   - A password is sent to the directory inside TLS and goes nowhere else.
//   - A sign-in succeeds for exactly one entry over all addresses that map to the
//     localpart; with two claimants it is refused (ErrAmbiguous).
//   - A name that does not exist and a wrong password are the same error, after
//     the same steps.
//   - Errors and log lines hold codes, counts and server numbers: no address of a
//     server, no DN, no name, no mail address, no password, and no text that a
//     server or go-ldap made.
//   - Everything a server sends is hostile until checked: its size is bounded per
//     operation, and an entry counts only if its own address maps to the
//     localpart that was asked for.
package directory
