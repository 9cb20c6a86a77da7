package acme

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// attempt obtains a certificate, unless another node is ordering one or has
// stored one. After a failure it returns errEarly until the next attempt is due,
// unless asked is true. Any error but a *busyError and errEarly adds a failure to
// k.failed.
func (k *Keeper) attempt(ctx context.Context, asked bool) error {
	lease, held, err := k.locks.take(ctx, time.Now())
	var busy *busyError
	if errors.As(err, &busy) {
		return err
	}
	if err != nil {
		k.fail(k.failed, err)
		return err
	}
	defer lease.release()
	if err := k.look(); err != nil {
		k.fail(k.failed, err)
		return err
	}
	now := time.Now()
	if k.until(now) > 0 {
		k.failed = setback{}
		return nil
	}
	if stored := k.kept.setback(k.cfg.purpose(), now); stored.At.After(k.failed.At) {
		k.failed = stored
	}
	if !asked && now.Before(k.failed.Next) {
		return errEarly
	}
	before := k.failed
	counts, err := k.obtain(held, lease)
	if err == nil {
		k.failed = setback{}
		k.kept.forgetSetback()
		return nil
	}
	if cause := context.Cause(held); errors.Is(cause, errLost) {
		err = cause
	}
	k.fail(before, err)
	if counts && lease.check() == nil {
		_ = k.kept.keepSetback(k.failed) // obtain has stored it already, without the reason
	}
	return err
}

// fail adds a failed attempt to those before.
func (k *Keeper) fail(before setback, err error) {
	k.failed = before.again(k.cfg.purpose(), time.Now()).because(err)
}

// obtain orders a certificate, stores it and has it used. counts is true if the
// attempt counts toward the limits of the ACME server.
func (k *Keeper) obtain(ctx context.Context, lease *lease) (counts bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, orderTime)
	defer cancel()
	client, err := k.reach(ctx)
	if err != nil {
		return false, fmt.Errorf("the account: %w", err)
	}
	// Stored first, so that the attempt counts even if the process ends during it.
	if err := k.kept.keepSetback(k.failed.again(k.cfg.purpose(), time.Now())); err != nil {
		return false, err
	}
	key, chain, err := k.order(ctx, client)
	if err == nil {
		err = lease.check() // only the node that has the lock may store
	}
	if err == nil {
		err = k.kept.keep(key, chain)
	}
	if err == nil {
		err = k.look()
	}
	if err != nil {
		return true, err
	}
	leaf := k.used.Leaf
	if k.until(time.Now()) <= 0 { // usually because a clock is wrong
		return true, fmt.Errorf("the certificate that was issued is valid from %s to %s and for %s, which cannot be used now",
			leaf.NotBefore.UTC().Format(time.RFC3339), leaf.NotAfter.UTC().Format(time.RFC3339), strings.Join(leaf.DNSNames, ", "))
	}
	k.cfg.Logger.Info("a certificate was obtained", slog.String("domains", strings.Join(k.cfg.Domains, ", ")), slog.String("serial", serial(leaf)),
		slog.String("expires", leaf.NotAfter.UTC().Format(time.RFC3339)), slog.String("renewed", renewal(leaf).UTC().Format(time.RFC3339)))
	return true, nil
}
