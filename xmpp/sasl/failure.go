package sasl

import (
	"errors"
	"strings"
)

// Conditions of a SASL failure. RFC 6120 §6.5.
const (
	Aborted              = "aborted"
	AccountDisabled      = "account-disabled"
	CredentialsExpired   = "credentials-expired"
	EncryptionRequired   = "encryption-required"
	IncorrectEncoding    = "incorrect-encoding"
	InvalidAuthzid       = "invalid-authzid"
	InvalidMechanism     = "invalid-mechanism"
	MalformedRequest     = "malformed-request"
	MechanismTooWeak     = "mechanism-too-weak"
	NotAuthorized        = "not-authorized"
	TemporaryAuthFailure = "temporary-auth-failure"
)

// What a [Backend] may answer. Any other error becomes temporary-auth-failure and stays reachable through
// [Failure.Unwrap], for the log.
var (
	// ErrNotAuthorized is returned when the password is wrong or the account may not sign in here.
	ErrNotAuthorized = errors.New("sasl: not authorized")
	// ErrNoAccount is returned when nobody has that name; the peer cannot tell it from ErrNotAuthorized.
	ErrNoAccount = errors.New("sasl: no such account")
	// ErrDisabled is returned when the account exists and is locked. Verifier returns it together with the keys, so
	// that only who knows the password learns of it.
	ErrDisabled = errors.New("sasl: account disabled")
	// ErrExpired is returned for a token that was right and has run out: the peer may go on with a password. XEP-0484 §4.2
	ErrExpired = errors.New("sasl: token expired")
	// ErrTemporary is returned when the question cannot be answered now (the directory is down).
	ErrTemporary = errors.New("sasl: temporary failure")
)

// Disabled is ErrDisabled with the reason in words, by language. The peer gets it after the right password only. RFC 6120 §6.5
type Disabled struct {
	English string
	German  string
}

// Error says it in English.
func (d *Disabled) Error() string { return "sasl: account disabled: " + d.English }

// Is makes it an ErrDisabled.
func (d *Disabled) Is(target error) bool { return target == ErrDisabled }

// ErrBinding is the cause of a Failure where the peer wants to bind to what this connection does not have, such as tls-unique
// under TLS 1.3, or believes that nothing can be bound to (slixmpp 1.8 does the one and then the other). No password was tried;
// the peer may go on in another way.
var ErrBinding = errors.New("sasl: no such channel binding")

// Failure ends a negotiation. Its text is the condition alone; the cause, if there is one, is for the log.
type Failure struct {
	Condition string // one of the constants above
	cause     error
}

// Error names the condition.
func (f *Failure) Error() string { return "sasl: " + f.Condition }

// Unwrap returns what the backend said, nil where the fault was the peer's.
func (f *Failure) Unwrap() error { return f.cause }

// Text is what the peer is told in words, and in which language: that of its stream, if it is known, else English. Both are
// empty where the condition says it all.
func (f *Failure) Text(lang string) (text, in string) {
	d, ok := errors.AsType[*Disabled](f.cause)
	switch base, _, _ := strings.Cut(lang, "-"); {
	case !ok || d.English == "":
		return "", ""
	case strings.EqualFold(base, "de") && d.German != "":
		return d.German, "de"
	}
	return d.English, "en"
}

func fail(condition string) *Failure { return &Failure{Condition: condition} }

// backendFailure turns an answer of the backend into a condition.
func backendFailure(err error) *Failure {
	var decided *Failure
	switch {
	case errors.As(err, &decided):
		return decided
	case errors.Is(err, ErrNotAuthorized), errors.Is(err, ErrNoAccount):
		return &Failure{Condition: NotAuthorized, cause: err}
	case errors.Is(err, ErrExpired):
		return &Failure{Condition: CredentialsExpired, cause: err}
	case errors.Is(err, ErrDisabled):
		return &Failure{Condition: AccountDisabled, cause: err}
	}
	return &Failure{Condition: TemporaryAuthFailure, cause: err}
}

// Temporary is the failure of a server that cannot answer now.
func Temporary(cause error) *Failure { return &Failure{Condition: TemporaryAuthFailure, cause: cause} }
