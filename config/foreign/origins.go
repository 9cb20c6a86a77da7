package foreign

import (
	"strings"

	"fanfare/apps"
)

// origins carries over the origins of pages that may connect. It leaves out
// patterns that fanfare does not support, so that fewer pages may connect, not
// more.
func (p *plan) origins(app string, origins []string, from string) {
	var list []string
	for _, origin := range origins {
		if origin == "*" {
			p.set(app+".allowed_origins", []string{"*"}, from)
			return
		}
		if _, err := apps.ParseOriginPattern(origin); err != nil {
			p.lose(app, from+" "+strings.TrimSpace(origin), "fanfare does not support this pattern: write hosts, origins or *.example.com.")
			continue
		}
		list = append(list, origin)
	}
	if len(list) == 0 {
		// An empty list would allow every page.
		list = []string{"nobody.invalid"}
		p.comment(app+".allowed_origins", "None of the origins could be carried over, so no page may connect: write yours.")
	}
	p.set(app+".allowed_origins", list, from)
}
