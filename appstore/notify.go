package appstore

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// wakes has wake called at each change that PostgreSQL tells of, until ctx is
// done. Other databases tell nothing. While the connection is lost nothing is
// called: the Mirror looks by itself.
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

// listenAgain is the time between two connections that listen.
const listenAgain = 2 * time.Second

func (s *Store) listen(ctx context.Context, wake func()) {
	cfg, err := parsePostgres(s.dsn)
	if err != nil {
		return // Open has read it
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
	wake() // for what came before
	for {
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return
		}
		wake()
	}
}
