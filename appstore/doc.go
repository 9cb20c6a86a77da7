// Package appstore keeps apps in a database: SQLite, PostgreSQL, or MySQL and
// MariaDB. A Store reads and changes them, one transaction per change; a Mirror
// keeps all of them in the memory of a node and follows the changes that other
// processes make. No request of a client reads the database: the server looks
// apps up in its registry. cmd/fanfare opens the store, passes its apps to the
// server and implements the commands that change them; the admin API changes
// them through the same methods.
//
// An API on a Store needs only
//
//	List, Get                       read apps
//	Create, Update, Delete          change whole apps, with optimistic versions
//	SetEnabled, AddKey, RetireKey   change a running app
//
// and these errors: ErrNotFound, *ConflictError (the app has changed in the
// meantime), *ExistsError (the id or key is taken), ErrLastKey,
// *EncryptionError, and *config.Error, whose problems name the option that is
// wrong. Any other error comes from the database. config.Documents turns apps
// into JSON and merges JSON into them:
//
//	app, err := store.Update(ctx, id, version, func(app *appstore.App) error {
//		return documents.Apply(&app.App, patch)
//	})
package appstore
