package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"log/slog"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
	"google.golang.org/protobuf/proto"

	"protokoll/accounts"
	"protokoll/cmd/protokoll/node"
	"protokoll/eventlog"
	"protokoll/schemas"
)

// appendFutureEvent is a program of the future: `future DIR ADDRESS…` appends an event of a type that today's does not know
// to each account. It renames a type in its own process, before the registry of types is built.
func appendFutureEvent() {
	options := (*schemas.PrivateElement)(nil).ProtoReflect().Descriptor().Options()
	proto.SetExtension(options, schemas.E_Event, &schemas.EventType{Name: "private.hologram", Version: 7, Family: schemas.Family_PRIVATE_FACTS})
	ctx := context.Background()
	store, err := node.OpenStore(ctx, node.StoreConfig{Folder: os.Args[1], Logger: slog.New(slog.DiscardHandler), MustExist: true})
	orExit(err)
	orExit(store.Accounts.List(func(a accounts.Account) error {
		receipt := store.Log.Append(eventlog.Command{Owner: a.Owner, Cause: schemas.Cause_CLIENT, Facts: []eventlog.Fact{
			eventlog.Set("hologram", &schemas.PrivateElement{}),
		}})
		return receipt.Wait(ctx)
	}))
	orExit(store.Close())
}

// tamperWithState is `tamper DIR`: it changes the position of one fact in the state file and mends all checksums, so that only a
// comparison with the log can notice.
func tamperWithState() {
	db, err := bolt.Open(filepath.Join(os.Args[1], "state", "lasting.db"), 0o600, nil)
	orExit(err)
	orExit(db.Update(func(tx *bolt.Tx) error {
		facts, about := tx.Bucket([]byte("facts")), tx.Bucket([]byte("meta"))
		name, meta := about.Cursor().First()
		key, value := facts.Cursor().Last() // handles come first
		value, meta = append([]byte(nil), value...), append([]byte(nil), meta...)
		was := binary.BigEndian.Uint32(value)
		value[19] ^= 1 // of the position's number, which no cipher covers
		sum := crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value[4:])
		binary.BigEndian.PutUint32(value, sum)
		total := meta[2+3*8 : 2+4*8]
		binary.BigEndian.PutUint64(total, binary.BigEndian.Uint64(total)-uint64(was)+uint64(sum))
		binary.BigEndian.PutUint32(meta[len(meta)-4:], crc32.Checksum(meta[:len(meta)-4], castagnoli))
		if err := facts.Put(append([]byte(nil), key...), value); err != nil {
			return err
		}
		return about.Put(append([]byte(nil), name...), meta)
	}))
	orExit(db.Close())
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func orExit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
