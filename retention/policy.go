package retention

import (
	"crypto/sha256"
	"time"

	"protokoll/schemas"
)

// Policy is the privacy policy that the server obeys: one file, read and checked as a whole (Load), and never changed after.
type Policy struct {
	Service    Service   `toml:"service"`
	Controller Body      `toml:"controller"`
	Officer    Body      `toml:"data_protection_officer"`
	Authority  Body      `toml:"supervisory_authority"`
	Transfers  Transfers `toml:"transfers"`
	Limits     Limits    `toml:"limits"`
	Bases      []Basis   `toml:"basis"`
	Kinds      []Kind    `toml:"class"` // one for each data class of schemas/, in the order of the file

	text  []byte // the file
	rules []Rule
}

// Text is said in both languages.
type Text struct {
	German  string `toml:"de"`
	English string `toml:"en"`
}

// Service is what people use.
type Service struct {
	Name      Text   `toml:"name"`
	Purpose   Text   `toml:"purpose"`
	Voluntary Text   `toml:"voluntary"` // GDPR Art. 13 (2) (e)
	Source    Text   `toml:"source"`    // GDPR Art. 14 (2) (f)
	Measures  Text   `toml:"measures"`  // GDPR Art. 32 (1)
	Web       string `toml:"web"`       // where people read on; may be empty
}

// Body is somebody who answers for the data, or to whom people can complain.
type Body struct {
	Name    Text     `toml:"name"`
	Address []string `toml:"address"` // lines of a letter
	Mail    string   `toml:"mail"`
	Phone   string   `toml:"phone"` // may be empty
	Web     string   `toml:"web"`   // may be empty
}

// Transfers says who else gets data. GDPR Art. 13 (1) (e) and (f)
type Transfers struct {
	Recipients     Text     `toml:"recipients"`
	ThirdCountries Text     `toml:"third_countries"`
	Processors     Text     `toml:"processors"` // GDPR Art. 28
	Access         []string `toml:"access"`     // values of XEP-0504 §3.9
}

// Limits bound what happens without being asked about.
type Limits struct {
	// SweepShare is the part of a lane's current facts, in percent, that one sweep may take by the rules Age, AccountErased and
	// LeftOver. Superseded and ended events do not count: that they go changes nothing that is true.
	SweepShare int `toml:"sweep_share"`
	// SweepFloor is the number of current facts that a sweep may always take, whatever share they are.
	SweepFloor int `toml:"sweep_floor"`
	// BackupEvery is how often the operators make a backup, as clients are told. XEP-0504 §3
	BackupEvery Period `toml:"backup_every"`
}

// Basis is why the law allows it. GDPR Art. 6
type Basis struct {
	Name    string `toml:"name"` // by which classes refer to it
	Article Text   `toml:"article"`
	Text    Text   `toml:"text"`
}

// Kind is the policy for one data class.
type Kind struct {
	Name       string     `toml:"name"` // of the class, as Classes has it
	Title      Text       `toml:"title"`
	What       Text       `toml:"what"`
	Purpose    Text       `toml:"purpose"`
	Subjects   Text       `toml:"subjects"`   // whose data
	Recipients Text       `toml:"recipients"` // may be empty: nobody but the owner
	Basis      string     `toml:"basis"`
	Backup     Period     `toml:"backup"` // how long a backup may hold it; 0: it is in none
	When       []Schedule `toml:"rule"`
}

// Schedule is a rule as the file states it.
type Schedule struct {
	Trigger  Trigger `toml:"when"`
	After    Period  `toml:"after"`    // Age only
	Deadline Period  `toml:"deadline"` // absent for Kept
}

// Trigger says what makes an event due.
type Trigger string

// The triggers.
const (
	Superseded    Trigger = "superseded"     // a newer event states the entity's value
	Ended         Trigger = "ended"          // the fact ended: its last value, and the end itself
	Delivered     Trigger = "delivered"      // the same of what was stored to be handed over: it was
	Age           Trigger = "age"            // the event is older than a period, whether it is still true or not
	AccountErased Trigger = "account-erased" // the owner's account was erased
	LeftOver      Trigger = "left-over"      // the owner has no account, and nobody erased it: remains of a fault or a restore
	Kept          Trigger = "kept"           // nothing: it stays as long as the event it lies in, or the store
)

// Triggers lists what a policy may name. The engine carries out all of them but Kept, which asks for nothing.
var Triggers = []Trigger{Superseded, Ended, Delivered, Age, AccountErased, LeftOver, Kept}

// Rule is one thing that the engine does. There is no rule for what is kept.
type Rule struct {
	Name     string // "last-presence.superseded": class and trigger; unique, and what proof.erased names
	Class    schemas.DataClass
	Families []schemas.Family // whose events hold the class
	Types    []string         // event types that hold it, such as "presence.updated"
	Trigger  Trigger
	After    time.Duration // Age only: how old an event is when it is due
	Deadline time.Duration // from the moment it is due until it is gone from the disk
}

// Rules returns every rule, in the order of the file.
func (p *Policy) Rules() []Rule { return p.rules }

// Digest is SHA-256 of the file.
func (p *Policy) Digest() [32]byte { return sha256.Sum256(p.text) }

// File returns the file as it was read.
func (p *Policy) File() []byte { return p.text }

func (p *Policy) basis(name string) Basis {
	for _, b := range p.Bases {
		if b.Name == name {
			return b
		}
	}
	return Basis{}
}

func classNamed(name string) (Class, bool) {
	for _, c := range Classes() {
		if c.Name == name {
			return c, true
		}
	}
	return Class{}, false
}
