// Package foreign reads what Reverb, soketi and Pusher are configured by and
// says the same in the keys of fanfare: .env files and variables, soketi's JSON,
// Reverb's PHP array, keys of Pusher as JSON. What it cannot carry over it names,
// with the reason. It runs nothing of what it reads, opens no file and no
// connection; cmd/fanfare hands it the contents and writes the result.
package foreign
