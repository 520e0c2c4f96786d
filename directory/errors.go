package directory

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

var (
	// ErrNoSuchEntry is returned when no entry has an address for the localpart.
	ErrNoSuchEntry = errors.New("no such directory entry")
	// ErrAmbiguous is returned when two entries claim one JID. Nobody gets it,
	// until the directory is put right.
	ErrAmbiguous = errors.New("two directory entries for one address")
	// ErrNoPrimary is returned when the one entry found has several addresses that
	// map differently and nothing says which is the primary one.
	ErrNoPrimary = errors.New("directory entry without a clear primary address")
	// ErrNoID is returned when the one entry found lacks the stable id.
	ErrNoID = errors.New("directory entry without an id")
	// ErrWrongPassword is returned when the password is wrong or cannot be one, and
	// when there is no such person: a caller cannot tell and must not.
	ErrWrongPassword = errors.New("wrong name or password")
	// ErrLocked is returned when the directory says that the account is locked.
	// Directories may say so whatever the password: show the peer no difference
	// from ErrWrongPassword.
	ErrLocked = errors.New("directory account is locked")
	// ErrExpired is returned when the password is right but has expired or must be
	// changed first.
	ErrExpired = errors.New("password has expired")
	// ErrUnavailable is returned when no directory server gave a usable answer in
	// time. It says nothing about the person.
	ErrUnavailable = errors.New("directory unavailable")
	// ErrSizeLimit is returned by Walk and Check when the directory cuts the list
	// off: the service account needs an unlimited paged search.
	ErrSizeLimit = errors.New("directory cuts the list off")
	// ErrClosed is returned after Close.
	ErrClosed = errors.New("directory closed")
)

// Codes of ours, above those of LDAP (RFC 4511 §4.1.9) and of go-ldap (from 200).
const (
	codeCertificate uint16 = 300
	codeTimeout     uint16 = 301
)

// errTimedOut is what an operation ends with whose time is over.
var errTimedOut = errors.New("no answer in time")

// code is all that leaves this package of an error from go-ldap, whose texts hold
// server addresses and DNs.
func code(err error) uint16 {
	var result *ldap.Error
	var certificate *tls.CertificateVerificationError
	switch {
	case err == nil:
		return ldap.LDAPResultSuccess
	case errors.Is(err, errTimedOut), errors.Is(err, context.DeadlineExceeded):
		return codeTimeout
	// StartTLS keeps the text of what went wrong, not the error.
	case errors.As(err, &certificate), strings.Contains(err.Error(), "failed to verify certificate"):
		return codeCertificate
	case errors.As(err, &result):
		return result.ResultCode
	}
	return ldap.ErrorNetwork
}

// meaning says in fixed words what an operator has to look at.
func meaning(c uint16) string {
	switch c {
	case codeCertificate:
		return "certificate not accepted"
	case codeTimeout:
		return "no answer in time"
	case ldap.ErrorNetwork:
		return "no connection"
	case ldap.LDAPResultServerDown:
		return "waiting before the next try"
	case ldap.LDAPResultInvalidCredentials:
		return "service account refused"
	case ldap.LDAPResultNoSuchObject:
		return "base not found"
	case ldap.LDAPResultInsufficientAccessRights:
		return "service account may not search"
	case ldap.LDAPResultReferral:
		return "referral, which is not followed"
	case ldap.LDAPResultBusy, ldap.LDAPResultUnavailable:
		return "server is busy"
	}
	return "see RFC 4511 for the code"
}

// broken tells that the server did not do its work, so that another may be asked
// and this connection is not used again.
func broken(c uint16) bool {
	switch c {
	case ldap.LDAPResultBusy, ldap.LDAPResultUnavailable:
		return true
	}
	return c >= ldap.ErrorNetwork
}

func unavailable(c uint16) error {
	return fmt.Errorf("%w: %s (code %d)", ErrUnavailable, meaning(c), c)
}

// noObject is the error of a search whose base is not there: a fault of the set-up, or a person who was deleted.
type noObject struct{ error }

// Unwrap makes it the error that it is for everybody else.
func (e noObject) Unwrap() error { return e.error }

// gaveUp is the error of a caller whose context ended while it waited.
func gaveUp(ctx context.Context) error {
	return fmt.Errorf("%w: %w", ErrUnavailable, context.Cause(ctx))
}

// bindError turns the answer to a bind into one of our errors. What it does not
// know is unavailable: a client told to try later forgets no password.
func bindError(err error, policy *ldap.ControlBeheraPasswordPolicy) error {
	c := code(err)
	switch c {
	case ldap.LDAPResultSuccess, ldap.LDAPResultInvalidCredentials:
		return policyError(c, policy)
	case ldap.LDAPResultNoSuchObject, ldap.LDAPResultInvalidDNSyntax,
		ldap.LDAPResultInappropriateAuthentication, ldap.LDAPResultInsufficientAccessRights:
		return ErrWrongPassword
	case ldap.LDAPResultUnwillingToPerform, ldap.LDAPResultConstraintViolation:
		// 389 DS: 53 for an inactivated account, 19 after too many failures.
		return ErrLocked
	}
	return unavailable(c)
}

// Error numbers of the password policy response, draft-behera-ldap-password-policy.
const (
	policyExpired   = 0
	policyLocked    = 1
	policyMustReset = 2
)

func policyError(c uint16, policy *ldap.ControlBeheraPasswordPolicy) error {
	var number int8 = -1
	if policy != nil {
		number = policy.Error
	}
	switch {
	case number == policyLocked:
		return ErrLocked
	case number == policyExpired || number == policyMustReset:
		return ErrExpired
	case c == ldap.LDAPResultSuccess:
		return nil
	}
	return ErrWrongPassword
}
