package pubsub

// What one account, one node and one request may hold. XEP-0060 §12.8, XEP-0205 §4
const (
	MaxNodes         = 250       // of an account, those on services included; OMEMO needs one for each device
	MaxItems         = 1_000     // of a node: what "max" means
	MaxItemBytes     = 128 << 10 // of a payload
	MaxAccountBytes  = 16 << 20  // of all payloads of an account
	MaxName          = 512       // bytes of a node's name, and of an item's id
	MaxSubscriptions = 1_000     // of a node
	MaxAffiliations  = 500       // of a node
	MaxGroups        = 100       // of the roster, that a node is open to
	MaxText          = 1_024     // bytes of a title, a description or a payload type
	MaxPublished     = 100       // items of one request
	MaxAsked         = 100       // ids of one request
	MaxAnswerBytes   = 192 << 10 // of an answer with items: more comes page by page

	maxFields = 100   // of a form
	maxValues = 1_000 // of a form, all fields together
)

// What a node is unless its owner says otherwise.
const (
	serviceItems = 20 // items of a node on a service
)
