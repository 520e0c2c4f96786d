package sasl

import "encoding/base64"

var strict = base64.StdEncoding.Strict()

// Decode reads the text of <auth/> or <response/>. RFC 6120 §6.4.2: `=` stands for an empty message, no text for none
// (has is false). The only error is incorrect-encoding: white space, missing padding and loose bits are refused.
func Decode(text []byte) (message []byte, has bool, err error) {
	switch {
	case len(text) == 0:
		return nil, false, nil
	case len(text) == 1 && text[0] == '=':
		return []byte{}, true, nil
	case len(text) > base64.StdEncoding.EncodedLen(MaxMessage):
		return nil, false, fail(MalformedRequest)
	}
	for _, c := range text {
		if c == '\n' || c == '\r' { // the library skips them
			return nil, false, fail(IncorrectEncoding)
		}
	}
	message = make([]byte, strict.DecodedLen(len(text)))
	n, err := strict.Decode(message, text)
	if err != nil {
		return nil, false, fail(IncorrectEncoding)
	}
	return message[:n], true, nil
}

// AppendEncoded appends a challenge or the data of success; an empty one is `=` where the element must say that there is one.
func AppendEncoded(dst, message []byte) []byte {
	if message != nil && len(message) == 0 {
		return append(dst, '=')
	}
	return base64.StdEncoding.AppendEncode(dst, message)
}
