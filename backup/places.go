package backup

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"protokoll/internal/durable"
)

// PlacesName is the file in a data folder that says where backups of it were made: folders of the operators, nothing about people.
const PlacesName = "backups"

const (
	// maxPlaces is how many folders are remembered. Nobody keeps so many; a script that makes a new folder for each backup does.
	maxPlaces = 1000
	// maxPlacesFile is the largest record that is read, in bytes: as many places with paths as long as Linux has them.
	maxPlacesFile = maxPlaces * 3 * 4096
)

var (
	// ErrPlaces is returned when backups lie in more folders than are remembered.
	ErrPlaces = errors.New("backups lie in too many folders: make them in one, or forget those that are gone")
	// ErrPlace is returned for a folder of which no backup is known.
	ErrPlace = errors.New("no backups are known there")
	// ErrHolds is returned when a folder is to be forgotten that still holds backups or keys.
	ErrHolds = errors.New("it still holds backups or keys")
)

// Place is a folder of backups and the one with their keys.
type Place struct {
	Dir  string    `json:"dir"`
	Keys string    `json:"keys"` // the same as Dir where no other was named
	Last time.Time `json:"last"` // when the newest backup there was begun
}

// ReadPlaces reads the record of a data folder: nothing if no backup was ever made.
func ReadPlaces(path string) (all []Place, err error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && info.Size() > maxPlacesFile {
		err = errors.New("too long")
	}
	var data []byte
	if err == nil {
		data, err = os.ReadFile(path)
	}
	if err == nil {
		err = json.Unmarshal(data, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("read where backups are (%s): %w", path, err)
	}
	return all, nil
}

// Remember adds a place to a record, before anything is written there: what is left of a backup that failed counts too.
func Remember(path string, p Place) error {
	all, err := ReadPlaces(path)
	if err != nil {
		return err
	}
	p.Keys = cmp.Or(p.Keys, p.Dir)
	i := slices.IndexFunc(all, func(o Place) bool { return o.Dir == p.Dir && o.Keys == p.Keys })
	switch {
	case i >= 0:
		all[i].Last = p.Last
	case len(all) == maxPlaces:
		return ErrPlaces
	default:
		all = append(all, p)
	}
	return writePlaces(path, all)
}

// ForgetPlace takes a folder out of a record, after a person said that it is gone for good. One that can be looked into and holds backups,
// or their keys, is not forgotten.
func ForgetPlace(path, dir string) error {
	all, err := ReadPlaces(path)
	if err != nil {
		return err
	}
	var rest []Place
	for _, p := range all {
		if p.Dir != dir && p.Keys != dir {
			rest = append(rest, p)
			continue
		}
		if s := Look(p, time.Time{}, 0); s.Backups+s.Unfinished+s.KeyCopies > 0 {
			return fmt.Errorf("%s: %w", dir, ErrHolds)
		}
	}
	if len(rest) == len(all) {
		return fmt.Errorf("%s: %w", dir, ErrPlace)
	}
	return writePlaces(path, rest)
}

func writePlaces(path string, all []Place) error {
	data, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("write down where backups are: %w", err)
	}
	return durable.Replace(path, append(data, '\n'))
}

// Standing is what lies in a place.
type Standing struct {
	Place
	Backups    int       `json:"backups"`    // finished ones, damaged or not
	KeyCopies  int       `json:"key_copies"` // the same
	Unfinished int       `json:"unfinished"` // of both
	Overdue    int       `json:"overdue"`    // how many of all these are older than the period
	Oldest     time.Time `json:"oldest,omitzero"`
	Newest     time.Time `json:"newest,omitzero"`  // of the finished backups
	Unseen     string    `json:"unseen,omitempty"` // why it could not be looked into
}

// Look says what lies in a place at a time, and what of that is older than the period.
func Look(p Place, now time.Time, period time.Duration) Standing {
	s := Standing{Place: p}
	var faults []error
	backups, err := List(p.Dir)
	faults = append(faults, err)
	keys, err := ListKeys(p.Keys)
	faults = append(faults, err)
	for _, e := range backups {
		s.count(e, &s.Backups, now, period)
		if e.Manifest != nil && e.Made.After(s.Newest) {
			s.Newest = e.Made
		}
	}
	for _, e := range keys {
		s.count(e, &s.KeyCopies, now, period)
	}
	if err := errors.Join(faults...); err != nil {
		s.Unseen = reason(err)
	}
	return s
}

func (s *Standing) count(e Entry, whole *int, now time.Time, period time.Duration) {
	if errors.Is(e.Fault, ErrPartial) {
		whole = &s.Unfinished
	}
	*whole++
	if now.Sub(e.Made) > period {
		s.Overdue++
	}
	if s.Oldest.IsZero() || e.Made.Before(s.Oldest) {
		s.Oldest = e.Made
	}
}

// reason leaves out what the place says already.
func reason(err error) string {
	if path := (*fs.PathError)(nil); errors.As(err, &path) {
		return filepath.Base(path.Path) + ": " + path.Err.Error()
	}
	return err.Error()
}
