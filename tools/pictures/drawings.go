package main

// messagePicture draws the path of an event from the API, and of a client event.
func messagePicture() []byte {
	c := newCanvas(600, "How a message travels",
		"A back end posts an event. The HTTP API checks signature and limits. The channel core encodes one frame, keeps it where a cache or a history asks for that, and gives it to each event loop that has a subscriber. In a cluster Redis orders it and gives it to the other nodes. Each loop writes the frame to its sockets. A client event goes from a socket over its loop to the channel core, and from there the same way.")
	c.rect("ours", 20, 116, 520, 330)
	c.text("name", "start", 36, 138, "fanfare")
	c.box("box", 180, 20, 200, 58, "Your back end", "any Pusher server SDK")
	c.arrow(280, 78, 280, 144)
	c.text("small", "start", 292, 108, "POST /apps/ID/events")

	c.box("box", 120, 146, 320, 58, "1  HTTP API", "checks the signature and the limits")
	c.arrow(280, 204, 280, 232)
	c.box("box", 120, 234, 320, 76, "2  Channels", "one frame for all subscribers, kept for", "cache channels and histories")
	for i, x := range []int{40, 205, 370} {
		c.arrow(280, 310, x+75, 350)
		c.box("box", x, 352, 150, 76, "3  Event loop", "writes the frame", "to its sockets")
		c.arrow(x+75, 428, x+75, 478)
		c.box("box", x, 480, 150, 58, []string{"pusher-js", "Laravel Echo", "mobile SDKs"}[i], "subscribers")
	}
	c.path("line dashed", "M50 480 50 428")
	c.path("line dashed", "M50 352 50 272 118 272")
	c.text("small", "start", 58, 296, "client")
	c.text("small", "start", 58, 312, "event")
	c.path("line dashed", "M440 262 528 262")
	c.path("line dashed", "M528 282 442 282")
	c.text("small", "end", 532, 226, "other nodes")
	c.text("small", "end", 532, 244, "(Redis)")
	c.text("small", "middle", 280, 570, "Solid: an event of the API. Dashed: a client event, and a cluster.")
	return c.end()
}

// presencePicture draws one user with two tabs on two nodes, over time.
func presencePicture() []byte {
	c := newCanvas(560, "Presence over tabs and nodes",
		"Ann opens a tab on node A: the others receive member_added. She opens a second tab on node B: nothing is sent. She closes the first tab: nothing is sent. She closes the second tab: the others receive member_removed at once. The webhook member_removed follows three seconds later, unless she is back by then.")
	columns := []struct {
		x           int
		name, small string
	}{{75, "Ann, tab 1", "on node A"}, {190, "Ann, tab 2", "on node B"}, {335, "the others", "frames"}, {478, "your back end", "webhooks"}}
	for _, col := range columns {
		c.text("name", "middle", col.x, 34, col.name)
		c.text("small", "middle", col.x, 54, col.small)
	}
	steps := []struct {
		y              int
		what           string
		frame, webhook string
	}{
		{100, "subscribes", "member_added", "member_added"},
		{190, "subscribes", "nothing", ""},
		{280, "closes", "nothing", ""},
		{370, "closes", "member_removed", ""},
		{460, "", "", "member_removed"},
	}
	for _, s := range steps {
		c.path("rule", "M20 "+itoa(s.y)+" 540 "+itoa(s.y))
	}
	c.rect("on", 66, 100, 18, 180)
	c.rect("on", 181, 190, 18, 180)
	for i, s := range steps {
		if s.what != "" {
			x, anchor := 92, "start"
			if i == 1 || i == 3 {
				x = 206
			}
			c.text("small", anchor, x, s.y+19, s.what)
		}
		if s.frame != "" {
			class := "frame"
			if s.frame == "nothing" {
				class = "small"
			}
			c.text(class, "middle", 335, s.y+19, s.frame)
		}
		if s.webhook != "" {
			c.text("frame", "middle", 478, s.y+19, s.webhook)
		}
	}
	c.path("line", "M478 376 478 452")
	c.text("small", "start", 487, 419, "3 s")
	c.text("small", "middle", 478, 499, "not if she is back")
	c.text("small", "middle", 478, 516, "by then")
	c.path("line", "M28 100 28 520")
	c.text("small", "start", 36, 519, "time")
	c.text("small", "start", 36, 542, "Ann is one member from her first tab to her last.")
	return c.end()
}

// restartPicture draws the connections of clients during a restart, an upgrade and
// a drain.
func restartPicture() []byte {
	c := newCanvas(700, "What happens at a restart",
		"Restart: the old process drains, answers calls of the API with 503, and closes all sockets with 4100 as its last act; clients connect to the new process one second later. Upgrade: the new process starts and checks everything while the old one serves; then the old one ends its sessions, the new one accepts, and clients are sent over at once with 4200; no call is refused. Drain beside other nodes: the node closes its sockets with 4200 in waves, and clients connect to other nodes at once.")
	panel := func(y int, title, subtitle string, rows ...func(y int)) {
		c.text("name", "start", 20, y, title)
		c.text("small", "start", 20, y+20, subtitle)
		for i, row := range rows {
			row(y + 34 + 44*i)
		}
	}
	label := func(name string) func(int) { return func(y int) { c.text("small", "start", 20, y+22, name) } }
	bar := func(name string, parts ...part) func(int) {
		return func(y int) {
			label(name)(y)
			for _, p := range parts {
				if p.class == "gap" {
					c.text("small", "middle", (p.from+p.to)/2, y+22, p.text)
					continue
				}
				c.rect(p.class, p.from, y+2, p.to-p.from-2, 30)
				c.text("in", "middle", (p.from+p.to)/2, y+22, p.text)
			}
		}
	}
	panel(34, "systemctl restart", "One process ends, the next one starts.",
		bar("old process", part{"on", 110, 230, "serves"}, part{"off", 230, 360, "drains, API 503"}),
		bar("new process", part{"on", 400, 540, "serves"}),
		bar("clients", part{"other", 110, 360, "connected"}, part{"gap", 360, 430, "4100, 1 s"}, part{"other", 430, 540, "connected"}))
	c.path("rule", "M20 216 540 216")
	panel(250, "fanfare upgrade", "Both processes have the listener: no connection and no call is refused.",
		bar("old process", part{"on", 110, 290, "serves"}, part{"off", 290, 440, "sends clients over"}),
		bar("new process", part{"off", 170, 290, "starts, checks"}, part{"on", 290, 540, "accepts and serves"}),
		bar("clients", part{"other", 110, 340, "connected"}, part{"other", 340, 540, "4200, connected at once"}))
	c.path("rule", "M20 432 540 432")
	panel(466, "A node of several ends", "shutdown.successor: clients go to the other nodes in waves.",
		bar("this node", part{"on", 110, 230, "serves"}, part{"off", 230, 440, "not ready, 4200 in waves"}),
		bar("other nodes", part{"on", 110, 540, "serve all the time"}),
		bar("clients", part{"other", 110, 240, "here"}, part{"other", 240, 305, "4200"}, part{"other", 305, 370, "4200"}, part{"other", 370, 435, "4200"}, part{"other", 435, 540, "there"}))
	c.path("line", "M110 660 536 660")
	c.text("small", "start", 110, 682, "time")
	return c.end()
}

// part is a section of a bar, between two x coordinates.
type part struct {
	class    string
	from, to int
	text     string
}
