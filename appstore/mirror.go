package appstore

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"fanfare/config"
)

// MirrorConfig is what a Mirror is made of.
type MirrorConfig struct {
	Store   *Store
	Poll    time.Duration // between two looks
	Migrate bool          // at the start
	Logger  *slog.Logger
}

// Mirror keeps all apps of a store in memory and follows their changes. While the
// database is unreachable it continues with the apps it has.
type Mirror struct {
	cfg MirrorConfig

	mu       sync.Mutex
	sequence int64             // of the last change that was taken over; -1 for none
	apps     []config.App      // by their ids; replaced as a whole
	changes  map[string]bool   // ids of apps that nobody took over as they are now
	bad      map[string]string // why an app cannot be used, as it was logged last
	status   Status
	failed   bool // it was logged that the database is away
}

// Status is the state of a Mirror.
type Status struct {
	Up          bool      // the last look reached the database
	LastSuccess time.Time // of a look
	Apps        int
	Unreadable  int // apps that cannot be used; a former version of them may be in force
}

// NewMirror returns a Mirror that has nothing yet.
func NewMirror(cfg MirrorConfig) *Mirror {
	return &Mirror{cfg: cfg, sequence: -1, changes: map[string]bool{}, bad: map[string]string{}}
}

// queryTimeout bounds a look at the database.
const queryTimeout = 10 * time.Second

// Load reads all apps for the first time. While the database is unreachable it
// tries for as long as patience. Errors that more time does not solve are returned
// at once: tables of another version, and secrets that no configured key decrypts.
func (m *Mirror) Load(ctx context.Context, patience time.Duration) error {
	until := time.Now().Add(patience)
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := m.load(ctx)
		var schema *SchemaError
		var encryption *EncryptionError
		if err == nil || errors.As(err, &schema) || errors.As(err, &encryption) || time.Now().Add(pause).After(until) {
			return err
		}
		m.mu.Lock()
		if !m.failed {
			m.failed = true
			m.cfg.Logger.Warn("the app store cannot be reached; the start waits for it", slog.Duration("at_most", patience), slog.Any("error", err))
		}
		m.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}

const (
	firstPause   = 100 * time.Millisecond
	longestPause = 2 * time.Second
)

func (m *Mirror) load(ctx context.Context) error {
	if m.cfg.Migrate {
		long, cancel := context.WithTimeout(ctx, migrateTimeout)
		defer cancel()
		applied, err := m.cfg.Store.Migrate(long)
		if err != nil {
			return err
		}
		if len(applied) > 0 {
			m.cfg.Logger.Info("the tables of the app store were brought up to date", slog.Int64("version", applied[len(applied)-1]))
		}
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := m.cfg.Store.Ready(ctx); err != nil {
		return err
	}
	if _, err := m.Look(ctx); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.changes) // who loads begins with Apps
	return nil
}

const (
	migrateTimeout = 2 * time.Minute
	startTimeout   = 30 * time.Second
)

// Apps are those in force by their ids. They may be read only.
func (m *Mirror) Apps() []config.App {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.apps
}

// Update is what a Mirror has now.
type Update struct {
	Apps    []config.App // in force, by their ids; may be read only
	Changed []string     // ids of those that are new, other than before, or gone
}

// update is what has changed and was not taken over yet.
func (m *Mirror) update() Update {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Update{m.apps, slices.Sorted(maps.Keys(m.changes))}
}

// taken notes that an Update is in force.
func (m *Mirror) taken(u Update) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range u.Changed {
		delete(m.changes, id)
	}
}

// Status is the state at the last look.
func (m *Mirror) Status() Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.status
	s.Apps, s.Unreadable = len(m.apps), len(m.bad)
	return s
}

// Run looks for changes until ctx is done, and calls apply after each. What apply
// refuses is passed to it again after the next look.
func (m *Mirror) Run(ctx context.Context, apply func(Update) error) {
	woken := make(chan struct{}, 1)
	var listener sync.WaitGroup
	defer listener.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	listener.Go(func() {
		m.cfg.Store.wakes(ctx, func() {
			select {
			case woken <- struct{}{}:
			default: // there is one to come
			}
		})
	})
	ticker := time.NewTicker(m.cfg.Poll)
	defer ticker.Stop()
	refused := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-woken:
		}
		if _, err := m.Look(ctx); err != nil {
			continue
		}
		u := m.update()
		if len(u.Changed) == 0 {
			continue
		}
		if err := apply(u); err == nil {
			m.taken(u)
			refused = ""
		} else if refused != err.Error() {
			refused = err.Error()
			m.cfg.Logger.Error("the changes of the app store cannot be taken over; the apps stay as they were", slog.Any("error", err))
		}
	}
}

// Look applies what has changed and reports whether anything has.
func (m *Mirror) Look(ctx context.Context) (changed bool, err error) {
	within, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	changed, err = m.look(within)
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case err != nil && ctx.Err() != nil: // the end, and not the database
	case err != nil && !m.failed:
		m.failed = true
		m.cfg.Logger.Warn("the app store cannot be reached; the apps stay as they are until it can", slog.Any("error", err))
	case err == nil && m.failed:
		m.failed = false
		m.cfg.Logger.Info("the app store is reached again")
	}
	return changed, err
}

func (m *Mirror) look(ctx context.Context) (changed bool, err error) {
	m.mu.Lock()
	after := m.sequence
	if !m.status.Up { // what was away may come back as a copy, or without its last changes
		after = -1
	}
	m.mu.Unlock()
	now := m.cfg.Store.now()
	replaced, err := m.cfg.Store.replaced()
	if replaced {
		after = -1
	}
	var c Changes
	if err == nil {
		c, err = m.cfg.Store.Changes(ctx, after)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.status.Up = err == nil
	if err != nil {
		return false, err
	}
	if m.sequence < 0 { // a start, which has nothing to go on with
		for _, u := range c.Bad {
			var encryption *EncryptionError
			if errors.As(u.Err, &encryption) && !encryption.Known {
				m.status.Up = false
				return false, encryption
			}
		}
	}
	m.status.LastSuccess = now
	if c.Sequence == m.sequence && !c.All {
		return false, nil
	}
	return m.take(c), nil
}
