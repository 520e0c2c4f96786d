package pubsub

import (
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"

	"protokoll/schemas"
	"protokoll/xmpp/features"
)

// The forms of nodes. XEP-0060 §16.4
const (
	FormConfig  = "http://jabber.org/protocol/pubsub#node_config"
	FormOptions = "http://jabber.org/protocol/pubsub#publish-options"
	FormMeta    = "http://jabber.org/protocol/pubsub#meta-data"
)

// Defaults returns how a node is configured that nobody configured: for PEP as XEP-0163 §5 has it.
func Defaults(host string) *schemas.NodeConfigured {
	c := &schemas.NodeConfigured{Access: schemas.NodeAccess_ACCESS_PRESENCE, Publishers: schemas.NodePublishers_PUBLISHERS_ONLY,
		LastItem: schemas.NodeLastItem_LAST_ITEM_ON_PRESENCE, MaxItems: 1, NotifyRetract: true, NotifyDelete: true}
	if host != "" {
		c.Access, c.LastItem = schemas.NodeAccess_ACCESS_OPEN, schemas.NodeLastItem_LAST_ITEM_ON_SUBSCRIPTION
		c.MaxItems = serviceItems
	}
	return c
}

// option is one field of a node's configuration.
type option struct {
	name    string // without "pubsub#"
	kind    string // XEP-0004 §3.3
	choices []string
	de, en  string
	get     func(c *schemas.NodeConfigured) []string
	set     func(c *schemas.NodeConfigured, values []string) bool // false: no such value
}

// options are the fields in the order in which people see them.
var options = []option{
	text("title", "Ein kurzer Name des Knotens", "A short name of the node",
		func(c *schemas.NodeConfigured) *string { return &c.Title }),
	text("description", "Was der Knoten enthält", "What the node holds",
		func(c *schemas.NodeConfigured) *string { return &c.Description }),
	text("type", "Der Namensraum der Inhalte", "The namespace of the payloads",
		func(c *schemas.NodeConfigured) *string { return &c.PayloadType }),
	{"access_model", "list-single", []string{"open", "presence", "roster", "whitelist"},
		"Wer abonnieren und lesen darf", "Who may subscribe and read", getAccess, setAccess},
	{"roster_groups_allowed", "list-multi", nil, "Gruppen der Kontaktliste, die abonnieren und lesen dürfen",
		"Groups of the contact list that may subscribe and read",
		func(c *schemas.NodeConfigured) []string { return c.GetGroups() }, setGroups},
	{"publish_model", "list-single", []string{"publishers", "subscribers", "open"},
		"Wer veröffentlichen darf", "Who may publish", getPublishers, setPublishers},
	{"send_last_published_item", "list-single", []string{"never", "on_sub", "on_sub_and_presence"},
		"Wann der neueste Eintrag von selbst gesendet wird", "When the newest item is sent unasked", getLast, setLast},
	flag("persist_items", "Einträge aufbewahren", "Keep items", true,
		func(c *schemas.NodeConfigured) *bool { return &c.Volatile }),
	{"max_items", "text-single", nil, "Wie viele Einträge aufbewahrt werden (eine Zahl oder max)",
		"How many items are kept (a number or max)", getMost, setMost},
	flag("deliver_notifications", "Von Änderungen benachrichtigen", "Notify of changes", true,
		func(c *schemas.NodeConfigured) *bool { return &c.Silent }),
	flag("deliver_payloads", "Inhalte mit den Benachrichtigungen senden", "Send payloads with notifications", true,
		func(c *schemas.NodeConfigured) *bool { return &c.WithoutPayload }),
	flag("notify_retract", "Benachrichtigen, wenn Einträge entfernt werden", "Notify when items are removed", false,
		func(c *schemas.NodeConfigured) *bool { return &c.NotifyRetract }),
	flag("notify_delete", "Benachrichtigen, wenn der Knoten gelöscht wird", "Notify when the node is deleted", false,
		func(c *schemas.NodeConfigured) *bool { return &c.NotifyDelete }),
	flag("notify_config", "Benachrichtigen, wenn sich die Einstellungen ändern", "Notify when the configuration changes", false,
		func(c *schemas.NodeConfigured) *bool { return &c.NotifyConfig }),
	{"notification_type", "list-single", []string{"headline", "normal", "chat"}, "Art der Benachrichtigungen",
		"Type of notifications", func(c *schemas.NodeConfigured) []string { return []string{messageType(c)} }, setMessageType},
}

// text is an option of free text.
func text(name, de, en string, field func(*schemas.NodeConfigured) *string) option {
	return option{name, "text-single", nil, de, en,
		func(c *schemas.NodeConfigured) []string { return one(*field(c)) },
		func(c *schemas.NodeConfigured, values []string) bool {
			v, ok := single(values)
			*field(c) = v
			return ok && len(v) <= MaxText
		}}
}

// flag is a switch, which may be stored the other way round so that what is usual takes no room.
func flag(name, de, en string, inverse bool, field func(*schemas.NodeConfigured) *bool) option {
	return option{name, "boolean", nil, de, en,
		func(c *schemas.NodeConfigured) []string {
			if *field(c) != inverse {
				return []string{"1"}
			}
			return []string{"0"}
		},
		func(c *schemas.NodeConfigured, values []string) bool {
			v, ok := single(values)
			on, valid := boolean(v)
			*field(c) = on != inverse
			return ok && valid
		}}
}

func one(v string) []string {
	if v == "" {
		return nil
	}
	return []string{v}
}

// single returns the one value of a field; none is the empty one.
func single(values []string) (string, bool) {
	if len(values) == 0 {
		return "", true
	}
	return values[0], len(values) == 1
}

// boolean reads the values of XEP-0004 §3.3.
func boolean(v string) (on, ok bool) {
	switch v {
	case "1", "true":
		return true, true
	case "0", "false":
		return false, true
	}
	return false, false
}

// accesses, publisherModels and lastItems are in the order of their numbers, from 1.
var (
	accesses        = []string{"open", "presence", "roster", "whitelist"}
	publisherModels = []string{"publishers", "subscribers", "open"}
	lastItems       = []string{"never", "on_sub", "on_sub_and_presence"}
)

// choice returns the number of the one value, from 1; 0 if it is none of them.
func choice(all, values []string) int32 {
	v, ok := single(values)
	if !ok {
		return 0
	}
	return int32(slices.Index(all, v) + 1)
}

// word returns the word of a number.
func word(all []string, number int32) []string {
	if number < 1 || int(number) > len(all) {
		return nil
	}
	return []string{all[number-1]}
}

func getAccess(c *schemas.NodeConfigured) []string { return word(accesses, int32(c.GetAccess())) }

func setAccess(c *schemas.NodeConfigured, values []string) bool {
	c.Access = schemas.NodeAccess(choice(accesses, values))
	return c.Access != 0
}

func getPublishers(c *schemas.NodeConfigured) []string {
	return word(publisherModels, int32(c.GetPublishers()))
}

func setPublishers(c *schemas.NodeConfigured, values []string) bool {
	c.Publishers = schemas.NodePublishers(choice(publisherModels, values))
	return c.Publishers != 0
}

func getLast(c *schemas.NodeConfigured) []string { return word(lastItems, int32(c.GetLastItem())) }

func setLast(c *schemas.NodeConfigured, values []string) bool {
	c.LastItem = schemas.NodeLastItem(choice(lastItems, values))
	return c.LastItem != 0
}

func setGroups(c *schemas.NodeConfigured, values []string) bool {
	c.Groups = slices.Compact(slices.Sorted(slices.Values(values)))
	return len(values) <= MaxGroups && !slices.ContainsFunc(values, func(v string) bool { return len(v) > MaxText })
}

// getMost says "max" where the server decides. XEP-0060 §16.4.4
func getMost(c *schemas.NodeConfigured) []string {
	if c.GetMaxItems() == 0 {
		return []string{"max"}
	}
	return []string{strconv.Itoa(int(c.GetMaxItems()))}
}

func setMost(c *schemas.NodeConfigured, values []string) bool {
	v, ok := single(values)
	if ok && v == "max" {
		c.MaxItems = 0
		return true
	}
	n, err := strconv.ParseUint(v, 10, 31)
	c.MaxItems = uint32(n)
	return ok && err == nil && n > 0 && n <= MaxItems
}

func setMessageType(c *schemas.NodeConfigured, values []string) bool {
	v, ok := single(values)
	c.MessageType = v
	if v == "headline" {
		c.MessageType = ""
	}
	return ok && slices.Contains([]string{"headline", "normal", "chat"}, v)
}

func optionNamed(name string) *option {
	for i := range options {
		if "pubsub#"+options[i].name == name {
			return &options[i]
		}
	}
	return nil
}

// apply returns a configuration with the fields of a form that it knows. Others are not looked at. XEP-0060 §8.2.4, XEP-0004 §3.2
func apply(c *schemas.NodeConfigured, f *form) (*schemas.NodeConfigured, error) {
	c = proto.CloneOf(c)
	for _, field := range f.Fields {
		if o := optionNamed(field.Var); o != nil && !o.set(c, field.Values) {
			return nil, features.NotAcceptable(field.Var) // XEP-0060 §8.2.4
		}
	}
	return c, nil
}

// known tells whether a form has known fields only.
func known(f *form) bool {
	return !slices.ContainsFunc(f.Fields, func(field formField) bool {
		return field.Var != "FORM_TYPE" && optionNamed(field.Var) == nil
	})
}

// meets tells whether a configuration is what preconditions ask for. XEP-0060 §7.1.5
func meets(c *schemas.NodeConfigured, f *form) bool {
	if !known(f) {
		return false
	}
	wanted, err := apply(c, f)
	return err == nil && proto.Equal(wanted, c)
}
