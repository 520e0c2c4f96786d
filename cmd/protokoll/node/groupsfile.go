package node

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"protokoll/directory"
	"protokoll/internal/durable"
)

// The file with what the directories said last of groups, so that rosters are whole when the server starts while a directory is
// away. It is derived, sealed under a key of the server's, in no backup, written anew when somebody is erased, and removed when
// a person is erased while no server runs. docs/decisions/0018

const (
	groupsFile = "groups"
	// groupsKept is how long after the directory said so the file is believed.
	groupsKept = 7 * 24 * time.Hour
	// maxGroupsFile bounds the file, in bytes.
	maxGroupsFile = 64 << 20
	// groupsVersion stands before the sealed bytes.
	groupsVersion = "protokoll groups 1\n"
)

// keptGroups is one search in the file.
type keptGroups struct {
	Domain, Search string // which search it was: another one is not served from here
	At             time.Time
	Groups         []keptGroup
}

type keptGroup struct {
	DN, Name string
	Members  []keptMember
}

type keptMember struct{ ID, Localpart, Name string }

func (s *groupsFound) identity() string {
	g := s.search.GroupSearch
	return fmt.Sprintf("%q", []string{g.BaseDN, g.Filter, g.MemberAttribute, g.MemberKey, g.NameAttribute})
}

func (g *sharedGroups) path() string { return filepath.Join(g.node.Folder, groupsFile) }

func (g *sharedGroups) sealer() (cipher.AEAD, error) {
	key := g.node.Keys.Secret("file of shared groups")
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// keep writes the file. The caller holds the lock.
func (g *sharedGroups) keep() {
	var all []keptGroups
	for _, s := range g.searches {
		k := keptGroups{Domain: s.domain, Search: s.identity(), At: s.at}
		for _, group := range s.groups {
			kg := keptGroup{DN: group.DN, Name: group.Name}
			for _, m := range group.Members {
				kg.Members = append(kg.Members, keptMember{m.ID, m.Localpart, m.Name})
			}
			k.Groups = append(k.Groups, kg)
		}
		all = append(all, k)
	}
	if err := g.write(all); err != nil {
		g.node.cfg.Logger.Warn("what is known of groups was not kept for the next start", slog.Any("error", err))
	}
}

func (g *sharedGroups) write(all []keptGroups) error {
	text, err := json.Marshal(all)
	if err != nil {
		return err
	}
	aead, err := g.sealer()
	if err != nil {
		return err
	}
	return durable.Replace(g.path(), append([]byte(groupsVersion), aead.Seal(nil, nil, text, []byte(groupsVersion))...))
}

// restore reads the file. What is in it is looked at as if the directory said it now: who was erased meanwhile is not shown. The
// caller holds the lock.
func (g *sharedGroups) restore() error {
	all, err := g.read()
	if err != nil {
		return err
	}
	for i := range g.searches {
		s := &g.searches[i]
		for _, k := range all {
			if k.Domain != s.domain || k.Search != s.identity() || g.node.clock().Sub(k.At) > groupsKept {
				continue
			}
			s.at, s.groups = k.At, nil
			for _, kg := range k.Groups {
				group := directory.Group{DN: kg.DN, Name: kg.Name}
				for _, m := range kg.Members {
					group.Members = append(group.Members, directory.Entry{ID: m.ID, Localpart: m.Localpart, Name: m.Name})
				}
				if group.Members, err = g.admitted(s.domain, group.Members); err != nil {
					return err
				}
				s.groups = append(s.groups, group)
			}
		}
	}
	return nil
}

var errGroupsFile = errors.New("the file of groups is not one of this server")

func (g *sharedGroups) read() (all []keptGroups, err error) {
	f, err := os.Open(g.path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxGroupsFile+1))
	switch {
	case err != nil:
		return nil, err
	case len(raw) > maxGroupsFile || len(raw) < len(groupsVersion) || string(raw[:len(groupsVersion)]) != groupsVersion:
		return nil, errGroupsFile
	}
	aead, err := g.sealer()
	if err != nil {
		return nil, err
	}
	text, err := aead.Open(nil, nil, raw[len(groupsVersion):], []byte(groupsVersion))
	if err != nil {
		return nil, errGroupsFile
	}
	return all, json.Unmarshal(text, &all)
}

// dropGroups removes the file: a person was erased who may be in it. A server that runs writes it anew without them.
func (s *Store) dropGroups() error {
	err := os.Remove(filepath.Join(s.Folder, groupsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return durable.SyncFolder(s.Folder)
}
