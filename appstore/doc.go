// Package appstore keeps apps in a database: SQLite, PostgreSQL, or MySQL and
// MariaDB. A Store reads and changes them, one transaction a change; a Mirror
// keeps all of them in the memory of a node and follows what others change.
// Nothing here is asked for a request of a client: the server looks apps up in
// its registry. cmd/fanfare opens the store, hands its apps to the server and
// has the commands that change them; the admin API changes them by the same
// methods.
//
// An API over a Store needs no more than
//
//	List, Get                       what there is
//	Create, Update, Delete          whole apps, with optimistic versions
//	SetEnabled, AddKey, RetireKey   what people do to a running app
//
// and these errors: ErrNotFound, *ConflictError (another has changed it),
// *ExistsError (the id or key is taken), ErrLastKey, *EncryptionError, and
// *config.Error, whose problems name the key that is wrong. Any other error is
// the database's. config.Documents turns apps into JSON and merges JSON into
// them:
//
//	app, err := store.Update(ctx, id, version, func(app *appstore.App) error {
//		return documents.Apply(&app.App, patch)
//	})
package appstore
