// Package foreign converts the configuration of Reverb, soketi and Pusher to
// the keys of fanfare. It reads .env files and environment variables, soketi's
// JSON, Reverb's PHP array, and keys of Pusher apps as JSON. It names every
// setting that it cannot convert, with the reason. It executes nothing that it
// reads, and opens no file and no connection: cmd/fanfare passes it the
// contents and writes the result.
package foreign
