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

// MirrorConfig configures a Mirror.
type MirrorConfig struct {
	Store   *Store
	Poll    time.Duration // time between two queries
	Migrate bool          // migrate the tables in Load
	Logger  *slog.Logger
}

// Mirror keeps all apps of a store in memory and follows their changes. While the
// database is unreachable it continues with the apps it has.
type Mirror struct {
	cfg MirrorConfig

	mu       sync.Mutex
	sequence int64             // number of the last change that was read; -1 before the first
	apps     []config.App      // sorted by id; replaced as a whole
	changes  map[string]bool   // ids of apps whose change was not applied yet
	bad      map[string]string // app id -> why it cannot be used, as last logged
	status   Status
	failed   bool // it was logged that the database cannot be reached
}

// Status is the state of a Mirror.
type Status struct {
	Up          bool      // the last query succeeded
	LastSuccess time.Time // of a query
	Apps        int
	Unreadable  int // apps that cannot be used; a previous version may be in use
}

// NewMirror returns a Mirror without apps. Call Load, then Run.
func NewMirror(cfg MirrorConfig) *Mirror {
	return &Mirror{cfg: cfg, sequence: -1, changes: map[string]bool{}, bad: map[string]string{}}
}

// queryTimeout is the timeout of Look.
const queryTimeout = 10 * time.Second

// Load reads all apps for the first time. While the database is unreachable it
// tries again for as long as patience. Errors that waiting does not solve are
// returned at once: tables of another version, and secrets that no configured key
// decrypts.
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
			m.cfg.Logger.Info("the tables of the app store were migrated", slog.Int64("version", applied[len(applied)-1]))
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
	clear(m.changes) // the caller starts with Apps
	return nil
}

const (
	migrateTimeout = 2 * time.Minute
	startTimeout   = 30 * time.Second
)

// Apps returns the apps in use, sorted by id. The caller must not change them.
func (m *Mirror) Apps() []config.App {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.apps
}

// Update is the state of a Mirror with the changes that were not applied yet.
type Update struct {
	Apps    []config.App // all apps, sorted by id; read-only
	Changed []string     // ids of apps that were added, changed or removed
}

// update returns the Update that is to be applied.
func (m *Mirror) update() Update {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Update{m.apps, slices.Sorted(maps.Keys(m.changes))}
}

// taken records that an Update was applied.
func (m *Mirror) taken(u Update) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, id := range u.Changed {
		delete(m.changes, id)
	}
}

// Status returns the state after the last query.
func (m *Mirror) Status() Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.status
	s.Apps, s.Unreadable = len(m.apps), len(m.bad)
	return s
}

// Run reads changes until ctx is done, and calls apply after each. If apply
// returns an error, it is called again after the next query.
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
			default: // a query is due already
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
			m.cfg.Logger.Error("the changes in the app store cannot be applied; the apps stay as they were", slog.Any("error", err))
		}
	}
}

// Look queries the database once and reports whether an app has changed.
func (m *Mirror) Look(ctx context.Context) (changed bool, err error) {
	within, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	changed, err = m.look(within)
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case err != nil && ctx.Err() != nil: // the server stops
	case err != nil && !m.failed:
		m.failed = true
		m.cfg.Logger.Warn("the app store cannot be reached; the apps stay as they are until it can", slog.Any("error", err))
	case err == nil && m.failed:
		m.failed = false
		m.cfg.Logger.Info("the app store can be reached again")
	}
	return changed, err
}

func (m *Mirror) look(ctx context.Context) (changed bool, err error) {
	m.mu.Lock()
	after := m.sequence
	if !m.status.Up { // the database may have been restored from a backup, or have lost its last changes
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
	if m.sequence < 0 { // at the start there are no previous apps to continue with
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
