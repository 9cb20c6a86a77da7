package redis

import (
	"crypto/sha1" //nolint:gosec // how Redis names scripts
	_ "embed"
	"encoding/hex"
	"strings"
)

// script is one program of lua/, with the hash by which the server knows it.
type script struct{ text, sha string }

// scripts are those of the requests and of heartbeats. They are identified by their
// text: nodes of two versions run their own.
type scripts struct {
	do, doFull, link, state, log, poll, strike, tick, collect, list, read script
	key, keyFull                                                          script
	beat, mark, claim, check                                              script
}

var (
	//go:embed lua/base.lua
	baseLua string
	//go:embed lua/hooks.lua
	hooksLua string
	//go:embed lua/record.lua
	recordLua string
	//go:embed lua/history.lua
	historyLua string
	//go:embed lua/read.lua
	readLua string
	//go:embed lua/once.lua
	onceLua string
	//go:embed lua/key.lua
	keyLua string
	//go:embed lua/do.lua
	doLua string
	//go:embed lua/link.lua
	linkLua string
	//go:embed lua/state.lua
	stateLua string
	//go:embed lua/log.lua
	logLua string
	//go:embed lua/poll.lua
	pollLua string
	//go:embed lua/strike.lua
	strikeLua string
	//go:embed lua/tick.lua
	tickLua string
	//go:embed lua/collect.lua
	collectLua string
	//go:embed lua/list.lua
	listLua string
	//go:embed lua/beat.lua
	beatLua string
	//go:embed lua/mark.lua
	markLua string
	//go:embed lua/claim.lua
	claimLua string
	//go:embed lua/check.lua
	checkLua string
)

// A script runs as a whole or not at all, also when the server is out of memory:
// then plain scripts are refused before they begin, and the others run.
const (
	plain   = "#!lua\n"
	always  = "#!lua flags=allow-oom\n"
	chapter = "\n"
)

// loadScripts builds the scripts; edit, if not nil, changes their text.
func loadScripts(edit *strings.Replacer) *scripts {
	program := func(parts ...string) script {
		text := strings.Join(parts, chapter)
		if edit != nil {
			text = edit.Replace(text)
		}
		sum := sha1.Sum([]byte(text)) //nolint:gosec // as above
		return script{text, hex.EncodeToString(sum[:])}
	}
	return &scripts{
		do:      program(plain, baseLua, hooksLua, recordLua, historyLua, onceLua, doLua),
		doFull:  program(always, baseLua, hooksLua, recordLua, historyLua, onceLua, doLua),
		link:    program(always, baseLua, linkLua),
		state:   program(always, baseLua, historyLua, stateLua),
		log:     program(always, baseLua, logLua),
		poll:    program(always, baseLua, pollLua),
		strike:  program(always, baseLua, strikeLua),
		tick:    program(always, baseLua, hooksLua, recordLua, historyLua, tickLua),
		collect: program(always, baseLua, collectLua),
		read:    program(always, baseLua, historyLua, readLua),
		list:    program(always, baseLua, hooksLua, recordLua, listLua),
		key:     program(plain, baseLua, onceLua, keyLua),
		keyFull: program(always, baseLua, onceLua, keyLua),
		beat:    program(always, beatLua),
		mark:    program(always, markLua),
		claim:   program(always, claimLua),
		check:   program(always, checkLua),
	}
}

// sharded makes the scripts of a Redis Cluster publish on the server of the slot.
func sharded() *strings.Replacer { return strings.NewReplacer("'PUBLISH'", "'SPUBLISH'") }

// all returns the scripts that are run by name.
func (s *scripts) all() []script {
	return []script{s.do, s.doFull, s.link, s.state, s.log, s.poll, s.strike, s.tick, s.collect, s.list, s.read, s.key, s.keyFull, s.beat, s.mark}
}
