package cluster

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"

	"fanfare/apps"
	"fanfare/channels"
	"fanfare/cluster/ledger"
	"fanfare/pusherproto"
)

var _ channels.Claimer = (*Peer)(nil)

// claimAgain is the wait before a claim is repeated whose partition was
// unreachable.
const claimAgain = 50 * time.Millisecond

// Claim implements channels.Claimer. Claims can be repeated without harm, so those
// without an answer are, for as long as an event would wait to be written.
func (p *Peer) Claim(ctx context.Context, app *apps.App, claims []pusherproto.Claim) error {
	for begun := p.cfg.Now(); ; {
		err := p.claimAll(ctx, app, claims)
		if !errors.Is(err, channels.ErrAway) || p.cfg.Now().Sub(begun) >= p.cfg.SendPatience {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(claimAgain):
		}
	}
}

// claimAll claims all keys at once.
func (p *Peer) claimAll(ctx context.Context, app *apps.App, claims []pusherproto.Claim) (err error) {
	answers := make(chan ledger.Claimed, len(claims))
	for i := range claims {
		p.claim(app, &claims[i], answers)
	}
	for range claims {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case claimed := <-answers:
			switch claimed {
			case ledger.ClaimedNew, ledger.ClaimedAgain:
			case ledger.ClaimedOther:
				return channels.ErrKeyUsed
			case ledger.ClaimedFull:
				return channels.ErrFull
			default:
				err = channels.ErrAway
			}
		}
	}
	return err
}

// claim sends one claim; the answer is 0 if none arrives.
func (p *Peer) claim(app *apps.App, c *pusherproto.Claim, answers chan<- ledger.Claimed) {
	r := ledger.Claim{App: app.ID, Key: c.Key, With: markOf(c, ""), For: app.IdempotencyTTL}
	p.ask(p.partitionOf(ledger.Subject{Kind: ledger.App, App: app.ID, Name: string(c.Key[:])}), r, func(a *ledger.Answer) {
		if a == nil {
			answers <- 0
			return
		}
		answers <- a.Claimed
	})
}

// onceOf returns what makes an event be published only once on a channel.
func onceOf(pub *channels.Publication) ledger.Once {
	if pub.Once == nil {
		return ledger.Once{}
	}
	return ledger.Once{Mark: markOf(pub.Once, pub.Channel), For: pub.App.IdempotencyTTL}
}

// markOf returns the mark of an idempotency key for one of the channels of its
// request.
func markOf(c *pusherproto.Claim, channel string) ledger.Mark {
	text := append(append(append(make([]byte, 0, 64), c.Key[:]...), c.Digest[:]...), channel...)
	sum := sha256.Sum256(text)
	return ledger.Mark(sum[:16])
}
