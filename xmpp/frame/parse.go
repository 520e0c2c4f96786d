package frame

// Parse reads b, which must hold one whole element and nothing else, with the checks of a Scanner: what lies in the log or
// was made by the server itself. space is the default namespace around it. The frame's slices are views of b.
func Parse(b []byte, space string, l Limits) (Frame, error) {
	s := Scanner{stage: inStream, space: spaceBytes(space)}
	s.SetLimits(l)
	if len(b) == 0 {
		return Frame{}, &Error{Condition: NotWellFormed, Detail: "no element"}
	}
	kind, err := s.element(b)
	if err != nil {
		return Frame{}, err
	}
	if kind != Element || s.pos != len(b) {
		return Frame{}, &Error{Condition: NotWellFormed, Detail: "not one whole element"}
	}
	f := s.work.frame
	f.Children = append([]Child(nil), f.Children...)
	s.work.giveBack()
	return f, nil
}

// spaceBytes is a conversion without a copy for the content namespaces.
func spaceBytes(space string) []byte {
	switch space {
	case NSClient:
		return clientSpace
	case NSServer:
		return serverSpace
	}
	return []byte(space)
}
