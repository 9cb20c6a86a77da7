package sim

import (
	"testing"
	"time"

	"fanfare/cluster"
	"fanfare/cluster/ledger"
)

// mutant is a rule that is not kept.
type mutant struct {
	name  string
	plant func() *Mutation
	cfg   Config
	scene func(*scene)
}

// mutants are rules that are not kept. Each has to be found by its scene, or by
// a random life where it has none. Two rules have no mutant here. A gap in a
// node's numbers (U1) does not come from a node that has one batch under way,
// and an entry that skips one (D1) does not come from a feed in order: each
// guards against engines that fail otherwise, and has its tests with the ledger
// and the peer.
var mutants = []mutant{
	{"U1: an op is applied each time it arrives", applyAgain, Config{Late: 3 * time.Second}, oldBytesArriveLate},
	{"U2: facts of all epochs are alike", oneEpoch, Config{}, nil},
	{"U2: ops that were kept are dropped when a node links", dropKept, Config{}, nil},
	{"U2: a ledger is told of no peers", noPeers, Config{}, nodeDiesWithTheBeats},
	{"seen: ops of others are never taken for known", seenNothing, Config{}, nil},
	{"D2: an answer's head is that after the request", headAfter, Config{}, answerBeforeThePush},
	{"D3: the log is said to be too short", logTooShort, Config{}, eventsDuringABreak},
	{"memory: another run id is not noticed", oneRun, Config{}, nil},
	{"D4: a node's state is believed though it is behind", neverBehind, Config{}, nil},
	{"D4: a node that is entering passes for open", enteringIsOpen, Config{}, failoverThatNobodyCanProve},
	{"D4: a node that is struck passes for entering", struckIsEntering, Config{}, struckWhileAway},
	{"D4: facts of an old dump pass for new", ghostsAreNew, Config{}, failoverLosesALeave},
	{"entered is not pushed", func() *Mutation { return withoutPush(ledger.EntryEntered) }, Config{}, nil},
	{"struck is not pushed", func() *Mutation { return withoutPush(ledger.EntryStruck) }, Config{}, nodeDiesWithTheBeats},
	{"refusals are not pushed", noRefusals, Config{MaxMembers: 2}, nil},
	{"a ledger is not reminded of cached events", noRecalls, Config{}, cachedEventOfALostMemory},
	{"close marks are not in states", noCloseMarks, Config{}, terminatedWhileAway},
	{"order: ops of a batch are applied backwards", backwards, Config{}, nil},
	{"a join that was answered is subject to the limit", noneExempt, Config{MaxMembers: 1}, letInWithoutTheLedger},
	{"X3: a strike is for whatever epoch its node is in", strikeAnyEpoch, slowLine, lateStrike},
	{"X2: late own beats do not matter", func() *Mutation {
		return configured(func(c *cluster.Config) { c.BeatLate = time.Hour })
	}, patientEngine, serverStandsStill},
	{"X2: a node is dead after a second", func() *Mutation {
		return configured(func(c *cluster.Config) { c.DeathAfter = time.Second })
	}, Config{}, nil},
	{"connections: the ledger has no limit", noLimitOfSockets, Config{MaxConnections: 40}, moreComeThanThereIsRoomFor},
	{"connections: places in reserve pass for used", everyShareInUse, Config{MaxConnections: 1000, Nodes: 2}, reserveIsNeededElsewhere},
	{"time: a tick goes as far as the clock", unclamped, Config{}, clockJumps},
	{"time: a pause trims the log", unclamped, Config{}, pauseLongerThanTheLog},
	{"time: a pause is a grace", unclamped, Config{}, pauseBetweenLeavingAndComingBack},
	{"D3: a log that is too short is taken for whole", logLongEnough, Config{Partitions: 1}, busyChannelOutgrowsTheLog},
	{"I2: an event comes each time it is published", marksForgotten, Config{}, nil},
	{"H1: an op does not say that members are to be told", unhooked(ledger.HookMembers), Config{}, nil},
	{"H1: an op does not say that the channel is to be told", unhooked(ledger.HookChannel), Config{}, nil},
	{"H2: there is no grace", noGrace, Config{}, nil},
	{"H3: an op does not say that sockets are to be counted", unhooked(ledger.HookCount), Config{}, nil},
	{"H4: what is known passes for new", nothingKnown, Config{}, leftBeforeTheWipe},
	{"H4: every memory passes for a part of the present one", allCommon, Config{}, dumpOfBeforeTheWipe},
	{"H4: what was let go is not said", lettingGoUnsaid, Config{}, leftBeforeTheWipe},
	{"history: a state does not say what is dropped", nothingDropped, Config{Readers: 8}, nil},
	{"history: a state lacks the last event", lastUnkept, Config{Readers: 8}, nil},
	{"history: that it is emptied is not pushed", func() *Mutation { return withoutPush(ledger.EntryCleared) }, Config{Readers: 8}, nil},
	{"history: an event is said to be elsewhere", misplaced, Config{Readers: 8}, nil},
	{"history: another run id is not noticed", oneRun, Config{Readers: 8}, nil},
	{"H6: records are done with when they are handed over", doneAtOnce, Config{}, keeperIsKilled},
}

// mutantSeeds is how many lives of mutantSteps a mutant may survive.
const (
	mutantSeeds = 40
	mutantSteps = 6000
)

func TestSim_EveryPlantedFaultIsFound(t *testing.T) {
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			found := m.find()
			if found == nil {
				t.Fatal("nothing was found")
			}
			t.Log(found)
		})
	}
}

// What is found of a mutant is not found without it.
func TestSim_WithoutAPlantedFaultNothingIsFound(t *testing.T) {
	for _, m := range mutants {
		if m.scene != nil {
			m.plant = func() *Mutation { return &Mutation{} }
			if err := m.find(); err != nil {
				t.Errorf("%s: %v", m.name, err)
			}
		}
	}
}

func (m mutant) find() error {
	cfg := m.cfg
	for seed := range uint64(mutantSeeds) {
		cfg.Seed, cfg.Mutation = seed, m.plant()
		if m.scene != nil {
			cfg.Mutation.keepTail = true
			if err := play(cfg, m.scene); err != nil {
				return err
			}
			continue
		}
		if _, err := run(cfg, mutantSteps); err != nil {
			return err
		}
	}
	return nil
}
