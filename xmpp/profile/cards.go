package profile

import (
	"container/list"
	"context"
	"log/slog"
	"sync"
	"time"

	"protokoll/xmpp/features"
	"protokoll/xmpp/pubsub"
)

// What is remembered of the directory's cards, in memory only, and how it is asked.
const (
	// MaxCardBytes is what all cards that are kept may take, photos included. The one that was not asked for the longest goes first.
	MaxCardBytes = 32 << 20
	// MaxHashes is of how many people it is kept which photo they have, about 150 bytes each: presence says it whether the photo
	// itself is kept or not. Beyond, everything is forgotten.
	MaxHashes = 200_000
	// MaxLookups is how many questions are asked at once, MaxWaiting how many more may wait. Beyond, nobody is asked.
	MaxLookups = 4
	MaxWaiting = 10_000
	// CardPatience is how long a request waits for the directory; then it is answered with what was known, or with nothing.
	CardPatience = 2 * time.Second
	// lookupTime ends a question, and retryAfter is how long the directory is not asked again about somebody after it failed.
	lookupTime = 10 * time.Second
	retryAfter = 30 * time.Second
	// cardOverhead is what a card takes beside its photo, in bytes.
	cardOverhead = 2 << 10
)

// Cards remembers what the directory says of people. Its methods may be used by many goroutines, and but for get none waits.
type Cards struct {
	source Source
	clock  func() time.Time
	logger *slog.Logger
	// Changed is told that the photo of somebody is another one. It is called from a goroutine of its own. Set before the first use.
	Changed func(bare string)

	ctx   context.Context
	stop  context.CancelFunc
	run   sync.WaitGroup
	slots chan struct{}

	mu      sync.Mutex
	known   map[string]*knownCard
	recent  list.List // of bare JIDs whose card is kept, the one asked for last at the front
	bytes   int
	running map[string]chan struct{} // closed when the answer is there
	closed  bool
}

// knownCard is what the directory said last.
type knownCard struct {
	hash   string
	at     time.Time // when it said so; zero: never
	failed time.Time // when it did not answer
	card   *Card
	place  *list.Element // of the card that is kept; nil: it is not
}

// NewCards remembers what a source says. Close ends its questions.
func NewCards(source Source, clock func() time.Time, logger *slog.Logger) *Cards {
	c := &Cards{source: source, clock: clock, logger: logger, Changed: func(string) {}, slots: make(chan struct{}, MaxLookups),
		known: map[string]*knownCard{}, running: map[string]chan struct{}{}}
	c.ctx, c.stop = context.WithCancel(context.Background())
	return c
}

// Close gives questions up that are not answered.
func (c *Cards) Close() {
	if c == nil {
		return
	}
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.stop()
	c.run.Wait()
}

// Forget drops what is remembered of somebody: of who is erased, and of who objects.
func (c *Cards) Forget(bare string) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(bare, c.known[bare])
	delete(c.known, bare)
}

// peek returns what is known, and whether that need not be asked again.
func (c *Cards) peek(bare string) (card *Card, fresh bool) {
	if c == nil {
		return nil, true
	}
	life := c.source.Life(bare)
	if life == 0 {
		return nil, true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.known[bare]
	if k == nil || !c.settled(k, life) {
		return nil, false
	}
	c.touch(k)
	return k.card, true
}

// settled tells whether the directory is not to be asked now. The caller holds the lock.
func (c *Cards) settled(k *knownCard, life time.Duration) bool {
	now := c.clock()
	if now.Sub(k.failed) < retryAfter {
		return true
	}
	return now.Sub(k.at) < life && (k.card != nil || k.place == nil && k.hash == "")
}

func (c *Cards) touch(k *knownCard) {
	if k.place != nil {
		c.recent.MoveToFront(k.place)
	}
}

// get returns a card, and waits for the directory if it must, but not longer than CardPatience: then what was known counts.
func (c *Cards) get(ctx context.Context, bare string) *Card {
	if card, fresh := c.peek(bare); fresh {
		return card
	}
	patience := time.NewTimer(CardPatience)
	defer patience.Stop()
	if answered := c.ask(bare); answered != nil {
		select {
		case <-answered:
		case <-patience.C:
		case <-ctx.Done():
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.known[bare]; k != nil {
		return k.card
	}
	return nil
}

// ask begins a question unless it is asked already. It returns nil if too many are waiting.
func (c *Cards) ask(bare string) chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if answered := c.running[bare]; answered != nil {
		return answered
	}
	if c.closed || len(c.running) >= MaxLookups+MaxWaiting {
		return nil
	}
	answered := make(chan struct{})
	c.running[bare] = answered
	c.run.Go(func() { c.look(bare, answered) })
	return answered
}

// look asks the directory.
func (c *Cards) look(bare string, answered chan struct{}) {
	var card *Card
	var err error
	select {
	case c.slots <- struct{}{}:
		ctx, cancel := context.WithTimeout(c.ctx, lookupTime)
		card, err = c.source.Card(ctx, bare)
		cancel()
		<-c.slots
	case <-c.ctx.Done():
		err = c.ctx.Err()
	}
	if err != nil && c.ctx.Err() == nil {
		c.logger.Debug("the directory did not say what it knows of a person", slog.Any("error", err))
	}
	changed := c.learn(bare, card.check(), err)
	close(answered)
	if changed && c.ctx.Err() == nil {
		c.Changed(bare)
	}
}

// learn remembers an answer, and tells whether the photo is another one.
func (c *Cards) learn(bare string, card *Card, err error) (changed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.running, bare)
	k := c.known[bare]
	if k == nil {
		if len(c.known) >= MaxHashes {
			clear(c.known)
			c.recent.Init()
			c.bytes = 0
		}
		k = &knownCard{}
		c.known[bare] = k
	}
	if err != nil {
		k.failed = c.clock()
		return false
	}
	before := k.hash
	c.drop(bare, k)
	k.hash, k.at, k.failed = card.hash(), c.clock(), time.Time{}
	if card != nil {
		k.card, k.place = card, c.recent.PushFront(bare)
		c.bytes += card.size()
		c.evict()
	}
	return before != k.hash
}

func (c *Card) size() int {
	if c.photo == nil {
		return cardOverhead
	}
	return cardOverhead + len(c.photo.Image)
}

// drop gives the card of somebody back, but not which photo it has. The caller holds the lock.
func (c *Cards) drop(_ string, k *knownCard) {
	if k == nil || k.place == nil {
		return
	}
	c.recent.Remove(k.place)
	c.bytes -= k.card.size()
	k.card, k.place = nil, nil
}

// evict makes room. The caller holds the lock.
func (c *Cards) evict() {
	for c.bytes > MaxCardBytes {
		bare, _ := c.recent.Back().Value.(string)
		k := c.known[bare]
		c.drop(bare, k)
		if k.hash == "" {
			delete(c.known, bare) // it is asked again
		}
	}
}

// Photo returns the SHA-1 in hex of the photo that an account shows from the directory; empty: none, or it is not known yet.
// The caller holds the account's lock. XEP-0153 §4.1
func (c *Cards) Photo(o pubsub.Owner) string {
	life := c.source.Life(o.Bare())
	if life == 0 {
		return ""
	}
	if _, photo, err := unsaid(o); err != nil || !photo {
		return ""
	}
	return c.hash(o.Bare(), life)
}

// Known tells whether a photo of somebody is known.
func (c *Cards) Known(bare string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.known[bare]
	return k != nil && k.hash != ""
}

// hash returns what is known, and begins to ask if that is old.
func (c *Cards) hash(bare string, life time.Duration) string {
	c.mu.Lock()
	hash, old := "", true
	if k := c.known[bare]; k != nil {
		now := c.clock()
		hash, old = k.hash, now.Sub(k.at) >= life && now.Sub(k.failed) >= retryAfter
	}
	c.mu.Unlock()
	if old {
		c.ask(bare)
	}
	return hash
}

// Newest returns the notice of the avatar that an account shows from the directory, as far as it is known now; nil: none. With gone
// an account that shows none says so. The caller holds the account's lock. XEP-0084 §4.2
func (c *Cards) Newest(o pubsub.Owner, gone bool) *features.Notice {
	if c.source.Life(o.Bare()) == 0 {
		return nil
	}
	_, photo, err := unsaid(o)
	if err != nil {
		return nil
	}
	c.mu.Lock()
	var shown *Photo
	if k := c.known[o.Bare()]; photo && k != nil && k.card != nil {
		shown = k.card.photo
	}
	c.mu.Unlock()
	switch {
	case shown != nil:
		return pubsub.Changed(o.Bare(), NSAvatarMetadata, shown.ID(), shown.metadata())
	case gone && ownAvatar(o) == nil:
		return pubsub.Changed(o.Bare(), NSAvatarMetadata, "none", []byte("<metadata xmlns='"+NSAvatarMetadata+"'/>"))
	}
	return nil
}

// ownAvatar returns the node of avatars that an account has itself; nil: none.
func ownAvatar(o pubsub.Owner) *pubsub.Node {
	c, err := o.Nodes()
	if err != nil {
		return nil
	}
	return c.Node(avatarMetadata)
}
