package stream

import (
	"context"
	"time"

	"protokoll/xmpp/sasl"
)

// turnstile stands before the Authenticator: it holds up a name that was tried too often from one origin, and an origin that
// tries too many names, before anybody is asked, so that a right password is not quicker than a wrong one. The same
// person elsewhere signs in as ever, others at the same place at ten a second. XEP-0205 §4
type turnstile struct{ stream *Stream }

func (b turnstile) Password(ctx context.Context, domain, localpart, password string) (string, error) {
	if err := b.wait(ctx, localpart); err != nil {
		return "", err
	}
	b.stream.conn.StepAside() // a directory is asked, or a slow hash is made
	return b.stream.server.cfg.Authenticator.Password(ctx, domain, localpart, password)
}

func (b turnstile) Verifier(ctx context.Context, domain, localpart string, h sasl.Hash) (sasl.Verifier, error) {
	if err := b.wait(ctx, localpart); err != nil {
		return sasl.Verifier{}, err
	}
	return b.stream.server.cfg.Authenticator.Verifier(ctx, domain, localpart, h)
}

// wait waits for the turn. One exchange may ask more than once and waits once.
func (b turnstile) wait(ctx context.Context, localpart string) error {
	s := b.stream
	if s.neg.asked == localpart {
		return nil
	}
	s.neg.asked = localpart
	wait, ok := s.server.cfg.Origins.Wait(s.lease.Origin(), localpart)
	if !ok {
		return &sasl.Failure{Condition: sasl.TemporaryAuthFailure}
	}
	if wait <= 0 {
		return nil
	}
	s.conn.StepAside()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return &sasl.Failure{Condition: sasl.TemporaryAuthFailure}
	}
}
