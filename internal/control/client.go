package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"syscall"
)

// Call runs a command on the server of a data folder and fills result, a pointer or nil. progress may be nil. It returns
// ErrNotRunning if there is no such server; the command's own error comes back with its text.
func Call(ctx context.Context, folder, command string, arguments, result any, progress func(Progress)) error {
	conn, err := dial(ctx, folder)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	data, err := json.Marshal(arguments)
	if err != nil {
		return fmt.Errorf("write the arguments: %w", err)
	}
	if err := json.NewEncoder(conn).Encode(request{command, data}); err != nil {
		return fmt.Errorf("ask the running server: %w", err)
	}
	return receive(ctx, conn, result, progress)
}

// Running tells whether a server runs on a data folder.
func Running(ctx context.Context, folder string) (bool, error) {
	conn, err := dial(ctx, folder)
	switch {
	case errors.Is(err, ErrNotRunning):
		return false, nil
	case err != nil:
		return false, err
	}
	return true, conn.Close()
}

func receive(ctx context.Context, conn net.Conn, result any, progress func(Progress)) error {
	for in := json.NewDecoder(conn); ; {
		var a answer
		if err := in.Decode(&a); ctx.Err() != nil {
			return ctx.Err()
		} else if errors.Is(err, io.EOF) {
			return errors.New("the running server stopped before it answered")
		} else if err != nil {
			return fmt.Errorf("read the running server's answer: %w", err)
		}
		switch {
		case a.Progress != nil:
			if progress != nil {
				progress(*a.Progress)
			}
		case a.Error != "":
			return errors.New(a.Error)
		case result == nil:
			return nil
		default:
			return json.Unmarshal(a.Result, result)
		}
	}
}

func dial(ctx context.Context, folder string) (net.Conn, error) {
	var conn net.Conn
	err := withSocketPath(folder, func(path string) (err error) {
		conn, err = (&net.Dialer{}).DialContext(ctx, "unix", path)
		return err
	})
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return nil, ErrNotRunning
	} else if err != nil {
		return nil, fmt.Errorf("reach the running server: %w", err)
	}
	return conn, nil
}
