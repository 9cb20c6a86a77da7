package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"time"

	"fanfare/config"
)

// receiverSecrets returns a function that reads the accepted secrets, by key: the
// given one, or those that serve would use.
func receiverSecrets(key, secret, file string) (read func() (map[string]string, error), err error) {
	if (key == "") != (secret == "") {
		return nil, mistake("--key and --secret belong together: give both, or neither for those of the configuration")
	}
	if key != "" {
		return func() (map[string]string, error) { return map[string]string{key: secret}, nil }, nil
	}
	cfg, err := config.Load(cmp.Or(file, os.Getenv(config.FileVariable)), nil, os.Environ())
	if err != nil {
		return nil, err
	}
	return func() (map[string]string, error) {
		list, err := servedApps(cfg)
		return secretsOf(list), err
	}, nil
}

// servedApps returns the apps of a configuration, or of the database that it
// names.
func servedApps(cfg *config.Config) ([]config.App, error) {
	if !cfg.Store.InDatabase() {
		return cfg.Apps, nil
	}
	s, err := newStore(cfg)
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	if err := s.Ready(ctx); err != nil {
		return nil, err
	}
	stored, _, err := s.List(ctx)
	list := make([]config.App, 0, len(stored))
	for i := range stored {
		list = append(list, stored[i].App)
	}
	return list, err
}

func secretsOf(list []config.App) map[string]string {
	secrets := make(map[string]string)
	for _, app := range list {
		secrets[app.Key] = app.Secret
		for _, k := range app.Keys {
			secrets[k.Key] = k.Secret
		}
	}
	return secrets
}

// lookAgain is the minimum time between two reads of the secrets for unknown keys.
const lookAgain = time.Second

// look reads the secrets again, unless it did so a moment ago. It reports whether
// it has read them.
func (r *receiver) look() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.read == nil || time.Since(r.looked) < lookAgain {
		return false
	}
	r.looked = time.Now()
	secrets, err := r.read()
	if err != nil {
		_, _ = fmt.Fprintf(r.out, "the keys cannot be read: %v\n", err)
		return false
	}
	r.secrets = secrets
	return true
}
