package appstore

import (
	"context"
	"errors"
	"fmt"
	"regexp"
)

// mostRows is the maximum number of rows of a table that is imported.
const mostRows = 100_000

var tableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?$`)

// ReadTable returns the rows of a table in another server's database, as maps
// from the names of the columns to the values. kind is mysql or postgres.
func ReadTable(ctx context.Context, kind, dsn, table string) (list []map[string]any, err error) {
	d, ok := dialects[kind]
	if !ok {
		return nil, fmt.Errorf("%q is not a kind of database; use mysql or postgres", kind)
	}
	if !tableName.MatchString(table) {
		return nil, fmt.Errorf("%q is not a valid name of a table", table)
	}
	db, err := d.open(dsn)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	rows, err := db.QueryContext(ctx, "SELECT * FROM "+table)
	if err != nil {
		return nil, fmt.Errorf("read the table %s: %w", table, err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return nil, fmt.Errorf("read the table %s: %w", table, err)
	}
	for rows.Next() {
		values, places := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			places[i] = &values[i]
		}
		if err := rows.Scan(places...); err != nil {
			return nil, fmt.Errorf("read the table %s: %w", table, err)
		}
		row := make(map[string]any, len(columns))
		for i, name := range columns {
			if text, ok := values[i].([]byte); ok {
				values[i] = string(text)
			}
			row[name] = values[i]
		}
		if list = append(list, row); len(list) > mostRows {
			return nil, fmt.Errorf("the table %s has more than %d rows", table, mostRows)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read the table %s: %w", table, err)
	}
	return list, nil
}
