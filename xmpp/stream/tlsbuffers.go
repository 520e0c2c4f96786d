package stream

import (
	"bytes"
	"crypto/tls"
	"reflect"
	"sync"
	"unsafe"
)

// crypto/tls keeps the buffers of a connection for its life: 3 to 20 KB that an idle stream does not need. tlsFields finds
// them by name and type when the server starts; where crypto/tls has changed, buffers are simply kept.
type tlsFields struct {
	rawInput, hand, input uintptr
	found                 bool
	pool                  sync.Pool // of *bytes.Buffer with room for a record
}

// recordRoom is the room for the largest record with its header, and for what bytes.Buffer adds for one more read.
const recordRoom = 5 + 16<<10 + 256 + bytes.MinRead

func newTLSFields() *tlsFields {
	f := &tlsFields{}
	f.pool.New = func() any { return bytes.NewBuffer(make([]byte, 0, recordRoom)) }
	t := reflect.TypeFor[tls.Conn]()
	offset := func(name string, want reflect.Type) (uintptr, bool) {
		field, ok := t.FieldByName(name)
		return field.Offset, ok && field.Type == want && len(field.Index) == 1
	}
	var raw, hand, input bool
	f.rawInput, raw = offset("rawInput", reflect.TypeFor[bytes.Buffer]())
	f.hand, hand = offset("hand", reflect.TypeFor[bytes.Buffer]())
	f.input, input = offset("input", reflect.TypeFor[bytes.Reader]())
	f.found = raw && hand && input
	return f
}

// tlsBuffers lends one connection its buffers while it is read from. All methods belong to the reader: crypto/tls touches
// these fields in Read only, once the handshake is over. A nil pointer does nothing.
type tlsBuffers struct {
	fields   *tlsFields
	rawInput *bytes.Buffer // what was read and not yet decrypted
	hand     *bytes.Buffer // handshake messages
	input    *bytes.Reader // what was decrypted and not yet handed out; lies in rawInput's memory
}

func (f *tlsFields) of(c *tls.Conn) *tlsBuffers {
	if !f.found {
		return nil
	}
	p := unsafe.Pointer(c)
	return &tlsBuffers{
		fields:   f,
		rawInput: (*bytes.Buffer)(unsafe.Add(p, f.rawInput)),
		hand:     (*bytes.Buffer)(unsafe.Add(p, f.hand)),
		input:    (*bytes.Reader)(unsafe.Add(p, f.input)),
	}
}

// lend gives the connection room for a whole record, so that one read(2) takes what there is.
func (b *tlsBuffers) lend() {
	if b == nil || b.rawInput.Len() > 0 || b.input.Len() > 0 || b.rawInput.Cap() >= recordRoom {
		return
	}
	*b.rawInput = *b.fields.pool.Get().(*bytes.Buffer)
}

// release takes them back where nothing is in them.
func (b *tlsBuffers) release() {
	if b == nil || b.input.Len() > 0 {
		return
	}
	if b.rawInput.Len() == 0 && b.rawInput.Cap() > 0 {
		if b.rawInput.Cap() >= recordRoom && b.rawInput.Cap() <= 2*recordRoom {
			lent := *b.rawInput
			lent.Reset()
			b.fields.pool.Put(&lent)
		}
		*b.rawInput = bytes.Buffer{}
		*b.input = bytes.Reader{}
	}
	if b.hand.Len() == 0 {
		*b.hand = bytes.Buffer{}
	}
}
