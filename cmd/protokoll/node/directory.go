package node

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"protokoll/config"
	"protokoll/directory"
)

// maxPasswordFile bounds the file with the service account's password, in bytes.
const maxPasswordFile = 4096

// OpenDirectory prepares a domain's directory and address mapping. It does not connect yet.
func OpenDirectory(domain config.Domain, logger *slog.Logger) (*directory.LDAP, *directory.Mapping, error) {
	c := domain.Directory
	var rules []directory.Rule
	for _, r := range c.Rule {
		rules = append(rules, directory.Rule{MailDomain: r.MailDomain, Suffix: r.Suffix})
	}
	mapping, err := directory.NewMapping(domain.Name, rules)
	if err != nil {
		return nil, nil, fmt.Errorf("domain %s: %w", domain.Name, err)
	}
	password, err := readSecret(c.PasswordFile)
	if err != nil {
		return nil, nil, fmt.Errorf("password of the directory's service account: %w", err)
	}
	for i, g := range c.Group {
		if err := GroupSearchOf(g).Check(); err != nil {
			return nil, nil, fmt.Errorf("domain %s: group %d: %w", domain.Name, i+1, err)
		}
	}
	ldap, err := directory.Open(directory.Config{
		URLs: c.URLs, CAFile: c.CA, BindDN: c.BindDN, Password: password, BaseDN: c.BaseDN, Filter: c.Filter,
		MailAttribute: c.Mail, PrimaryAttribute: c.PrimaryMail, IDAttribute: c.ID, Mapping: mapping,
		PoolSize: c.Pool, DialTimeout: c.DialTimeout, OpTimeout: c.Timeout, Logger: logger,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("domain %s: %w", domain.Name, err)
	}
	return ldap, mapping, nil
}

func readSecret(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxPasswordFile))
	if err != nil {
		return "", err
	}
	return strings.TrimRight(string(data), "\r\n"), nil
}
