package server

import (
	"errors"

	"protokoll/test/wire"
)

// Shared starts the one server that all tests of a package share. end stops it and removes what it has written.
func Shared(o Options) (s *Server, target wire.Target, end func() error, err error) {
	if s, err = Start(o); err != nil {
		return nil, target, nil, err
	}
	end = func() error {
		defer s.Remove()
		return s.Stop()
	}
	if target, err = s.Target(); err != nil {
		return nil, target, nil, errors.Join(err, end())
	}
	return s, target, end, nil
}
