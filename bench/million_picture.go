package bench

import (
	"fmt"
	"io"

	"fanfare/bench/report"
)

// The curves of a run of Million.
const (
	curveSockets    = "subscribed"
	curveDeliveries = "fanfare"
	curveBare       = "bare write(2) loops"
	curveKernel     = "kernel, both ends"
	curveNodes      = "nodes"
	curveClients    = "clients"
	curveRedis      = "redis"
)

// picturePoints is the approximate number of points of a curve.
const picturePoints = 80

// DrawMillion draws the results of a run of Million: how sockets connect, the
// memory of all processes, and the delivery of an event.
func DrawMillion(w io.Writer, results []report.Result) error {
	curves := map[string]report.Curve{}
	for _, r := range results {
		for _, c := range r.Curves {
			curves[c.Name] = c
		}
	}
	pick := func(names ...string) (some []report.Curve) {
		for _, name := range names {
			if c, ok := curves[name]; ok {
				some = append(some, c)
			}
		}
		return some
	}
	end := func(name string) float64 {
		if points := curves[name].Points; len(points) > 0 {
			return points[len(points)-1][1]
		}
		return 0
	}
	sockets := report.Grouped(int64(end(curveSockets)))
	desc := fmt.Sprintf("Three charts over time: %s sockets get subscribed; the memory of the kernel, the nodes, the clients and redis meanwhile; and how many of the sockets have an event, with fanfare and with bare write loops.", sockets)
	return report.WritePanels(w, sockets+" sockets on a cluster, on one machine", desc, []report.Panel{
		{Title: "Sockets, over the time since the first came", Curves: pick(curveSockets)},
		{Title: "Memory in bytes, over the same time and while events are sent and a node is killed", Curves: pick(curveKernel, curveNodes, curveClients, curveRedis), Stacked: true},
		{Title: "Sockets that have an event, over the time since it was published", Curves: pick(curveDeliveries, curveBare)},
	})
}

// Inexact reports whether a delivery was lost, duplicated or reordered, or a count
// stayed wrong, in a run of Million.
func Inexact(results []report.Result) bool {
	for _, r := range results {
		if !clean(r) || r.Value("members told wrong")+r.Value("members told twice") > 0 || len(r.Problems) > 0 {
			return true
		}
	}
	return false
}
