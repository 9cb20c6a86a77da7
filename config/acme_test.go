package config

// acme is a configuration with keys of tls.acme.
func acme(keys string) string { return "tls: {acme: {" + keys + "}}\n" + minimal }
