package backup

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"

	"protokoll/schemas"
)

// OrdersName is the name of the file that Orders are kept in, wherever it lies.
const OrdersName = "orders"

// maxOrders is the largest file of orders that is read, in bytes: some 500,000 orders.
const maxOrders = 64 << 20

// Orders are what a restore must obey, whatever the backup says: every order that was ever given, oldest first, and how far
// the store had come. They name people by random ids only.
type Orders struct {
	Format int               `json:"format"`
	At     int64             `json:"at"`    // when this was written, milliseconds since 1970 UTC
	Proof  uint64            `json:"proof"` // last number of lane proof that is in here
	Epoch  uint64            `json:"epoch"` // of the ledger; 0 before the first
	Marks  map[string]uint64 `json:"marks"` // last number of each lane, by its name
	Orders []Order           `json:"orders"`
}

// Order is one order about one account.
type Order struct {
	Kind      string `json:"kind"`  // name of a schemas.OrderKind
	Owner     string `json:"owner"` // 16 bytes in hex
	At        int64  `json:"at"`
	Objection string `json:"objection,omitempty"` // name of a schemas.ObjectionKind
}

// Write puts the orders into a file, whole or not at all, and returns when that is on disk.
func (o Orders) Write(path string) error {
	o.Format = format
	return writeChecked(path, o)
}

// ReadOrders reads a file of orders. It returns ErrMissing if there is none and ErrDamaged for one that was changed.
func ReadOrders(path string) (Orders, error) {
	data, err := readFile(path, maxOrders)
	if errors.Is(err, fs.ErrNotExist) {
		return Orders{}, fmt.Errorf("orders %s: %w", path, ErrMissing)
	}
	if err != nil {
		return Orders{}, err
	}
	o, err := parseOrders(data)
	if err != nil {
		return Orders{}, fmt.Errorf("%s: %w", path, err)
	}
	return o, nil
}

func parseOrders(data []byte) (o Orders, err error) {
	if err := parseChecked(data, &o); err != nil {
		return o, err
	}
	if o.Format != format {
		return o, fmt.Errorf("%w: format %d is not known here", ErrDamaged, o.Format)
	}
	for _, order := range o.Orders {
		if _, err := order.Fact(); err != nil {
			return o, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}
	return o, nil
}

// OrderOf is an order as it is kept.
func OrderOf(f *schemas.Ordered) Order {
	o := Order{Kind: f.GetKind().String(), Owner: hex.EncodeToString(f.GetOwner()), At: f.GetAt()}
	if f.GetObjection() != 0 {
		o.Objection = f.GetObjection().String()
	}
	return o
}

// Fact is the order as it stands in lane proof, without what an erasure took.
func (o Order) Fact() (*schemas.Ordered, error) {
	owner, err := hex.DecodeString(o.Owner)
	if err != nil || len(owner) != len(schemas.OwnerID{}) {
		return nil, fmt.Errorf("order for owner %q", o.Owner)
	}
	kind, ok := schemas.OrderKind_value[o.Kind]
	if !ok || kind == 0 {
		return nil, fmt.Errorf("order of kind %q", o.Kind)
	}
	f := &schemas.Ordered{Kind: schemas.OrderKind(kind), Owner: owner, At: o.At}
	if o.Objection == "" {
		return f, nil
	}
	objection, ok := schemas.ObjectionKind_value[o.Objection]
	if !ok {
		return nil, fmt.Errorf("objection of kind %q", o.Objection)
	}
	f.Objection = schemas.ObjectionKind(objection)
	return f, nil
}

// Lacks returns the orders of o that are not among those of other.
func (o Orders) Lacks(other Orders) (missing []Order) {
	have := map[Order]bool{}
	for _, order := range other.Orders {
		have[order] = true
	}
	for _, order := range o.Orders {
		if !have[order] {
			missing = append(missing, order)
		}
	}
	return missing
}
