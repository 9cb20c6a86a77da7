package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/prometheus/procfs"
)

// machineMemory is the kernel's report of the machine's memory, in bytes.
type machineMemory struct {
	Available int64 // available to processes, without swapping
	Slab      int64 // kernel objects: sockets, files, buffers
	TCP       int64 // data in the sockets' buffers
	// Reclaimable is the part of the slab that the kernel counts as available. For
	// open sockets it is not.
	Reclaimable int64
}

func readMachineMemory() (m machineMemory, err error) {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return m, err
	}
	info, err := fs.Meminfo()
	if err != nil {
		return m, err
	}
	if info.MemAvailableBytes == nil || info.SlabBytes == nil || info.SReclaimableBytes == nil {
		return m, errors.New("/proc/meminfo has no MemAvailable, Slab or SReclaimable")
	}
	m.Available, m.Slab, m.Reclaimable = int64(*info.MemAvailableBytes), int64(*info.SlabBytes), int64(*info.SReclaimableBytes)
	stat, err := fs.NetSockstat()
	if err != nil {
		return m, err
	}
	for _, p := range stat.Protocols {
		if p.Protocol == "TCP" && p.Mem != nil {
			m.TCP = int64(*p.Mem) * int64(os.Getpagesize())
		}
	}
	return m, nil
}

// left returns the available memory without the slab added since an earlier time.
func (m machineMemory) left(before machineMemory) int64 {
	return m.Available - max(0, m.Reclaimable-before.Reclaimable)
}

// gauge watches the memory of a run: the machine's, and that of the given
// processes. It cancels the run before the machine runs out of memory.
type gauge struct {
	least  int64 // that has to stay available
	cancel context.CancelCauseFunc
	before machineMemory

	mu       sync.Mutex
	servers  []int // process ids
	clients  []int
	redis    *redisServer
	samples  []memorySample
	lowest   int64 // that was available
	stopping chan struct{}
	watcher  sync.WaitGroup
}

// memorySample is the memory at a time, in bytes.
type memorySample struct {
	at                           time.Time
	servers, clients, redis, tcp int64
	slab                         int64
}

// gaugeInterval is how often the machine's memory is read; every gaugeFull-th time
// the memory of each process is read, too.
const (
	gaugeInterval = 250 * time.Millisecond
	gaugeFull     = 8
)

// startGauge begins to watch. stop has to be called.
func startGauge(least int64, cancel context.CancelCauseFunc) (*gauge, error) {
	m, err := readMachineMemory()
	if err != nil {
		return nil, err
	}
	g := &gauge{least: least, cancel: cancel, before: m, lowest: m.Available, stopping: make(chan struct{})}
	g.watcher.Go(g.watch)
	return g, nil
}

func (g *gauge) watch() {
	t := time.NewTicker(gaugeInterval)
	defer t.Stop()
	for i := 0; ; i++ {
		select {
		case <-g.stopping:
			return
		case <-t.C:
		}
		m, err := readMachineMemory()
		if err != nil {
			continue
		}
		g.mu.Lock()
		g.lowest = min(g.lowest, m.left(g.before))
		if i%gaugeFull == 0 {
			g.samples = append(g.samples, g.sample(m))
		}
		g.mu.Unlock()
		if left := m.left(g.before); left < g.least {
			g.cancel(fmt.Errorf("%.1f GB of memory are left, and %.1f GB must remain", gigabytes(left), gigabytes(g.least)))
			return
		}
	}
}

func (g *gauge) sample(m machineMemory) memorySample {
	s := memorySample{at: time.Now(), slab: m.Slab, tcp: m.TCP}
	for _, pid := range g.servers {
		rss, _ := process(pid).quickRSS() // it may have ended
		s.servers += rss
	}
	for _, pid := range g.clients {
		rss, _ := process(pid).quickRSS()
		s.clients += rss
	}
	if g.redis != nil && g.redis.cmd != nil {
		s.redis, _ = process(g.redis.cmd.Process.Pid).quickRSS()
	}
	return s
}

// watchTown adds the processes of a cluster and its clients.
func (g *gauge) watchTown(t *town, h *hall) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.redis = t.redis
	g.servers = g.servers[:0]
	for _, node := range t.nodes {
		g.servers = append(g.servers, node.target.PID)
	}
	g.clients = g.clients[:0]
	for _, c := range h.children {
		g.clients = append(g.clients, c.cmd.Process.Pid)
	}
}

// taken returns the samples since a time.
func (g *gauge) taken(since time.Time) (samples []memorySample) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range g.samples {
		if !s.at.Before(since) {
			samples = append(samples, s)
		}
	}
	return samples
}

func (g *gauge) lowestAvailable() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.lowest
}

func (g *gauge) stop() {
	close(g.stopping)
	g.watcher.Wait()
}

func gigabytes(n int64) float64 { return float64(n) / 1e9 }
