package appstore

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// wakes calls wake for each change that PostgreSQL notifies of, until ctx is
// done. Other databases have no notifications. While the connection is lost
// wake is not called, and the Mirror only polls.
func (s *Store) wakes(ctx context.Context, wake func()) {
	if s.dialect.notify == "" {
		return
	}
	for ctx.Err() == nil {
		s.listen(ctx, wake)
		select {
		case <-ctx.Done():
		case <-time.After(listenAgain):
		}
	}
}

// listenAgain is the time between a lost connection and the next one.
const listenAgain = 2 * time.Second

func (s *Store) listen(ctx context.Context, wake func()) {
	cfg, err := parsePostgres(s.dsn)
	if err != nil {
		return // does not happen: Open has parsed it
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return
	}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(end)
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+notifyChannel); err != nil {
		return
	}
	wake() // for changes before the LISTEN
	for {
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return
		}
		wake()
	}
}
