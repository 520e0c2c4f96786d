package stream

import "crypto/tls"

// suites are what TLS 1.2 may use: AEAD behind ephemeral ECDH only. RFC 7590 §3.2, BSI TR-02102-2. TLS 1.3 has nothing else.
func suites() []uint16 {
	return []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}
}

// serverTLS returns the configuration of all connections of one kind; one for all, it is not small. No tickets: with ECDSA they
// save nothing, and their key would open what was recorded. No KeyLogWriter: SSLKEYLOGFILE means nothing to us. No client
// certificates are asked for, so none are parsed.
func serverTLS(certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error), protocols ...string) *tls.Config {
	return &tls.Config{
		MinVersion:                  tls.VersionTLS12,
		CipherSuites:                suites(),
		SessionTicketsDisabled:      true,
		DynamicRecordSizingDisabled: true, // a flush is one record as far as it fits
		NextProtos:                  protocols,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			cert, err := certificate(hello)
			if err != nil {
				return nil, err
			}
			if c, ok := hello.Conn.(*carrier); ok {
				c.leaf = cert.Leaf
			}
			return cert, nil
		},
	}
}
