package wire

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrNotAuthorized is returned when the server answered a SASL failure; the error's text names the condition.
var ErrNotAuthorized = errors.New("wire: sign-in failed")

// SignIn opens a connection over STARTTLS, signs in with PLAIN and opens the stream again; it returns the features
// that are offered then. RFC 6120 §6.4.
func SignIn(t Target, user, password string) (*Conn, *Node, error) {
	c, err := Dial(t)
	if err != nil {
		return nil, nil, err
	}
	if err := c.StartTLS(); err != nil {
		c.Drop()
		return nil, nil, err
	}
	features, err := c.SignIn("PLAIN", user, password)
	if err != nil {
		c.Drop()
		return nil, nil, err
	}
	return c, features, nil
}

// SignIn opens the stream, authenticates with PLAIN or SCRAM-SHA-256, and opens the next stream.
func (c *Conn) SignIn(mechanism, user, password string) (*Node, error) {
	features, err := c.Open()
	if err != nil {
		return nil, err
	}
	if !Offers(features, mechanism) {
		return nil, fmt.Errorf("wire: %s is not offered:\n%v", mechanism, features)
	}
	if mechanism == "PLAIN" {
		err = c.plain(user, password)
	} else {
		err = c.scram(user, password)
	}
	if err != nil {
		return nil, err
	}
	return c.Open()
}

// Offers reports whether features list a SASL mechanism.
func Offers(features *Node, mechanism string) bool {
	list := features.Child(NSSASL, "mechanisms")
	if list == nil {
		return false
	}
	for _, m := range list.Elements() {
		if m.Content() == mechanism {
			return true
		}
	}
	return false
}

// Auth is an <auth/> element with an initial response, base64 put on by us.
func Auth(mechanism, response string) string {
	return "<auth xmlns='" + NSSASL + "' mechanism='" + mechanism + "'>" + base64.StdEncoding.EncodeToString([]byte(response)) + "</auth>"
}

func (c *Conn) plain(user, password string) error {
	if err := c.Write(Auth("PLAIN", "\x00"+user+"\x00"+password)); err != nil {
		return err
	}
	_, err := c.outcome()
	return err
}

// outcome reads a challenge or the end of the SASL exchange; its text is decoded.
func (c *Conn) outcome() (string, error) {
	n, err := c.Next()
	if err != nil {
		return "", err
	}
	if n.Is(NSSASL, "failure") || n.Name.Space != NSSASL {
		condition := n.Name.Local
		if e := n.Elements(); len(e) > 0 {
			condition = e[0].Name.Local
		}
		return "", fmt.Errorf("%w: %s", ErrNotAuthorized, condition)
	}
	text, err := base64.StdEncoding.DecodeString(n.Content())
	return string(text), err
}

// scram is SCRAM-SHA-256 without channel binding. RFC 5802 §5, RFC 7677.
func (c *Conn) scram(user, password string) error {
	nonce := make([]byte, 18)
	if _, err := rand.Read(nonce); err != nil {
		return err
	}
	first := "n=" + strings.NewReplacer("=", "=3D", ",", "=2C").Replace(user) + ",r=" + base64.StdEncoding.EncodeToString(nonce)
	if err := c.Write(Auth("SCRAM-SHA-256", "n,,"+first)); err != nil {
		return err
	}
	challenge, err := c.outcome()
	if err != nil {
		return err
	}
	final, verifier, err := scramFinal(first, challenge, password)
	if err != nil {
		return err
	}
	if err := c.Write("<response xmlns='" + NSSASL + "'>" + base64.StdEncoding.EncodeToString([]byte(final)) + "</response>"); err != nil {
		return err
	}
	got, err := c.outcome()
	if err == nil && got != verifier {
		return errors.New("wire: the server's signature is wrong")
	}
	return err
}

func scramFinal(first, challenge, password string) (final, verifier string, err error) {
	part := map[string]string{}
	for _, f := range strings.Split(challenge, ",") {
		if k, v, ok := strings.Cut(f, "="); ok {
			part[k] = v
		}
	}
	salt, err := base64.StdEncoding.DecodeString(part["s"])
	if err != nil {
		return "", "", err
	}
	rounds, err := strconv.Atoi(part["i"])
	if err != nil {
		return "", "", err
	}
	salted, err := pbkdf2.Key(sha256.New, password, salt, rounds, sha256.Size)
	if err != nil {
		return "", "", err
	}
	bare := "c=biws,r=" + part["r"]
	message := first + "," + challenge + "," + bare
	key := mac(salted, "Client Key")
	stored := sha256.Sum256(key)
	for i, b := range mac(stored[:], message) {
		key[i] ^= b
	}
	signature := mac(mac(salted, "Server Key"), message)
	return bare + ",p=" + base64.StdEncoding.EncodeToString(key), "v=" + base64.StdEncoding.EncodeToString(signature), nil
}

func mac(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

// Bind binds a resource, or one of the server's choice when it is empty, and returns the full JID. RFC 6120 §7.
func (c *Conn) Bind(resource string) (string, error) {
	wish := ""
	if resource != "" {
		wish = "<resource>" + Escape(resource) + "</resource>"
	}
	if err := c.Write("<iq type='set' id='bind'><bind xmlns='" + NSBind + "'>" + wish + "</bind></iq>"); err != nil {
		return "", err
	}
	n, err := c.Next()
	if err != nil {
		return "", err
	}
	if jid := n.Find(NSBind, "jid"); jid != nil {
		return jid.Content(), nil
	}
	return "", fmt.Errorf("wire: bind refused:\n%v", n)
}
