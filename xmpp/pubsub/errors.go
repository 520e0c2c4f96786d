package pubsub

import (
	"errors"

	"protokoll/xmpp/features"
)

// NSErrors is the namespace of conditions of PubSub's own. XEP-0060 §16.7
const NSErrors = "http://jabber.org/protocol/pubsub#errors"

// ErrNoOwner is returned by Owners when there is no account of that address.
var ErrNoOwner = errors.New("no account owns this node")

// refusal is an error with a condition of PubSub's own.
func refusal(e *features.Error, condition string) *features.Error {
	e.App = []byte("<" + condition + " xmlns='" + NSErrors + "'/>")
	return e
}

func unsupported(feature string) *features.Error {
	return &features.Error{Type: "cancel", Condition: "feature-not-implemented",
		App: []byte("<unsupported xmlns='" + NSErrors + "' feature='" + feature + "'/>")}
}

func notAuthorized(condition string) *features.Error {
	return refusal(&features.Error{Type: "auth", Condition: "not-authorized"}, condition)
}

// The refusals, by the section that asks for them.

func invalidPayload() *features.Error  { return refusal(features.BadRequest(""), "invalid-payload") }  // XEP-0060 §7.1.3.6
func payloadRequired() *features.Error { return refusal(features.BadRequest(""), "payload-required") } // XEP-0060 §7.1.3.6
func itemRequired() *features.Error    { return refusal(features.BadRequest(""), "item-required") }    // XEP-0060 §7.2.3.4
func nodeRequired() *features.Error    { return refusal(features.BadRequest(""), "nodeid-required") }  // XEP-0060 §7.2.3.3
func invalidOptions() *features.Error  { return refusal(features.BadRequest(""), "invalid-options") }  // XEP-0060 §6.3.7
func invalidJID() *features.Error      { return refusal(features.BadRequest(""), "invalid-jid") }      // XEP-0060 §6.1.3.1
func closedNode() *features.Error      { return refusal(features.NotAllowed(), "closed-node") }        // XEP-0060 §6.1.3.4
func tooManyItems() *features.Error    { return refusal(features.NotAllowed(), "max-items-exceeded") } // XEP-0060 §12.8

func tooBig() *features.Error { // XEP-0060 §7.1.3.4
	return refusal(features.NotAcceptable(""), "payload-too-big")
}

func notSubscribed() *features.Error { // XEP-0060 §6.2.3.2
	return refusal(&features.Error{Type: "cancel", Condition: "unexpected-request"}, "not-subscribed")
}

func preconditionNotMet() *features.Error { // XEP-0060 §7.1.5
	return refusal(conflict(), "precondition-not-met")
}

func tooManySubscriptions() *features.Error { // XEP-0060 §6.1.3.9
	return refusal(features.LimitReached(), "too-many-subscriptions")
}

func tooManyNodes() *features.Error { // XEP-0060 §16.7
	return refusal(features.LimitReached(), "max-nodes-exceeded")
}

func conflict() *features.Error { return &features.Error{Type: "cancel", Condition: "conflict"} } // XEP-0060 §8.1.2

// full says that the account holds as many bytes as it may. RFC 6120 §8.3.3.18
func full() *features.Error {
	return &features.Error{Type: "wait", Condition: "resource-constraint", Text: "the limit of your account is reached"}
}

// codes are what conditions were called at first: Profanity looks for them. XEP-0086 §3
var codes = map[string]string{
	"bad-request": "400", "not-authorized": "401", "forbidden": "403", "item-not-found": "404", "not-allowed": "405",
	"not-acceptable": "406", "jid-malformed": "400", "conflict": "409", "feature-not-implemented": "501",
	"service-unavailable": "503", "resource-constraint": "500", "internal-server-error": "500", "unexpected-request": "400",
	"policy-violation": "406",
}

// telling makes an error as clients of PEP need it: with what was asked and the old code.
func telling(err error) error {
	if errors.Is(err, ErrNoOwner) {
		err = features.ItemNotFound()
	}
	stanza := *features.StanzaError(err)
	if stanza.Condition == "internal-server-error" {
		return err // to be logged
	}
	stanza.Echo, stanza.Code = true, codes[stanza.Condition]
	return &stanza
}
