package redis

// mostPost is the maximum bytes of messages between nodes that wait in a partition,
// in each direction; above it they are dropped, and the question is not answered.
const mostPost = 8 << 20

// post is the waiting messages. They are guarded like the items.
type post struct {
	out int // bytes to be sent
	in  []string
	at  int // bytes of in
}

// addLetter queues a message to another node.
func (p *partition) addLetter(it item) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.up || p.ended != nil || p.post.out+len(it.letter) > mostPost || len(p.items) >= mostItems/2 {
		return
	}
	p.post.out += len(it.letter)
	p.items = append(p.items, it)
	p.poke()
}

// sent is called when items are taken to be sent.
func (o *post) sent(items []item) {
	for i := range items {
		o.out -= len(items[i].letter)
	}
}

// fileLetter queues a message from another node.
func (p *partition) fileLetter(message string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.up || p.ended != nil || p.post.at+len(message) > mostPost {
		return
	}
	p.post.in = append(p.post.in, message)
	p.post.at += len(message)
	p.poke()
}

func (p *partition) takeLetters() (messages []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	messages, p.post.in, p.post.at = p.post.in, nil, 0
	return messages
}
