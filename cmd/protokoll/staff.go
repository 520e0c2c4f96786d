package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strings"

	"protokoll/cmd/protokoll/node"
)

// staff is part of every command that touches people's data.
type staff struct {
	Reason string `help:"Why; it is written down with your user name."`
}

// who names the system's user, for the audit events.
func (s staff) who() node.Staff {
	name := fmt.Sprintf("uid %d", os.Getuid())
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return node.Staff{Actor: name, Reason: s.Reason}
}

// errDeclined is returned when a question was not answered with yes.
var errDeclined = errors.New("nothing was done")

// consent asks before something that cannot be taken back.
type consent struct {
	Yes bool `help:"Do not ask."`
}

func (c consent) ask(question string) error {
	if c.Yes {
		return nil
	}
	fmt.Fprintf(os.Stderr, "%s [yes/NO] ", question)
	line, _ := bufio.NewReader(os.Stdin).ReadString('\n') // no answer is no
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "yes", "y", "ja", "j":
		return nil
	}
	return errDeclined
}
