package directory

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// MaxPasswordBytes is the longest password that reaches the directory.
const MaxPasswordBytes = 1024

// acceptable refuses what must not reach a bind. An empty password is the
// dangerous one: a server may answer it with success, as an anonymous bind
// (RFC 4513 §5.1.2). Control characters include NUL, which C code behind the
// directory may take as the end. None of this depends on the account.
func acceptable(password string) error {
	switch {
	case password == "":
		return fmt.Errorf("%w: empty", ErrWrongPassword)
	case len(password) > MaxPasswordBytes:
		return fmt.Errorf("%w: longer than %d bytes", ErrWrongPassword, MaxPasswordBytes)
	case !utf8.ValidString(password):
		return fmt.Errorf("%w: not UTF-8", ErrWrongPassword)
	case strings.ContainsFunc(password, unicode.IsControl):
		return fmt.Errorf("%w: control character", ErrWrongPassword)
	}
	return nil
}

// spellings gives the forms of a password to try, the likelier one first. Almost
// always there is one. Clients on some systems send decomposed letters, while the
// directory’s hash was made from what a web form sent, which is composed (NFC), as
// RFC 8265 §4.2.2 asks for too. NFC goes first because each wrong bind counts
// towards the directory’s lock-out; the bytes as received go second because the
// hash may be of those.
func spellings(password string) []string {
	if composed := norm.NFC.String(password); composed != password {
		return []string{composed, password}
	}
	return []string{password}
}
