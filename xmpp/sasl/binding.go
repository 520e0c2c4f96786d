package sasl

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"

	// The digests that RFC 5929 §4.1 can ask for.
	_ "crypto/sha256"
	_ "crypto/sha512"
)

// Names of the channel-binding types served.
const (
	TLSExporter       = "tls-exporter"         // RFC 9266 §2
	TLSServerEndPoint = "tls-server-end-point" // RFC 5929 §4
	TLSUnique         = "tls-unique"           // RFC 5929 §3; for tokens only, see TokenMechanisms
)

// exporterSize is the length of tls-exporter data in bytes. RFC 9266 §2.
const exporterSize = 32

// Binding is what a TLS connection can be recognised by. A nil field: that type is not available on this connection.
type Binding struct {
	Exporter []byte // tls-exporter
	EndPoint []byte // tls-server-end-point
	Unique   []byte // tls-unique: TLS 1.2 only. RFC 9266 §3
}

// NewBinding takes the data from a finished handshake and the certificate that was served. TLS 1.2 without extended master
// secret has no exporter (RFC 9266 §4.2), a certificate without a defined hash (Ed25519) has no end point: such a field stays nil.
func NewBinding(state tls.ConnectionState, leaf *x509.Certificate) (Binding, error) {
	var b Binding
	if !state.HandshakeComplete {
		return b, fmt.Errorf("sasl: channel binding before the end of the handshake")
	}
	if data, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, exporterSize); err == nil {
		b.Exporter = data
	}
	if state.Version == tls.VersionTLS12 {
		b.Unique = state.TLSUnique //nolint:staticcheck // what HT-SHA-256-UNIQ binds to; no session is ever resumed here
	}
	if leaf != nil {
		b.EndPoint = endPoint(leaf)
	}
	return b, nil
}

// endPoint hashes the certificate by the hash of its signature, MD5 and SHA-1 replaced by SHA-256. RFC 5929 §4.1.
func endPoint(leaf *x509.Certificate) []byte {
	h := crypto.SHA256
	switch leaf.SignatureAlgorithm {
	case x509.SHA384WithRSA, x509.ECDSAWithSHA384, x509.SHA384WithRSAPSS:
		h = crypto.SHA384
	case x509.SHA512WithRSA, x509.ECDSAWithSHA512, x509.SHA512WithRSAPSS:
		h = crypto.SHA512
	case x509.PureEd25519, x509.UnknownSignatureAlgorithm:
		return nil
	}
	d := h.New()
	d.Write(leaf.Raw)
	return d.Sum(nil)
}

// Types lists the binding types available, the better one first: what XEP-0440 §3 announces.
func (b Binding) Types() []string {
	var types []string
	if b.Exporter != nil {
		types = append(types, TLSExporter)
	}
	if b.EndPoint != nil {
		types = append(types, TLSServerEndPoint)
	}
	return types
}

// data returns the bytes of a type, nil where it is unknown or not available.
func (b Binding) data(name string) []byte {
	switch name {
	case TLSExporter:
		return b.Exporter
	case TLSServerEndPoint:
		return b.EndPoint
	}
	return nil
}

// Offered removes the -PLUS mechanisms from a list where this connection has nothing to bind to.
func (b Binding) Offered(mechanisms []string) []string {
	if b.Exporter != nil || b.EndPoint != nil {
		return mechanisms
	}
	rest := make([]string, 0, len(mechanisms))
	for _, m := range mechanisms {
		if !strings.HasSuffix(m, plusSuffix) {
			rest = append(rest, m)
		}
	}
	return rest
}
