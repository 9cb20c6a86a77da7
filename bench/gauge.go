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

// machineMemory is what the kernel says of the machine's memory, in bytes.
type machineMemory struct {
	Available int64 // for processes, without swapping
	Slab      int64 // of the kernel's own objects: sockets, files, buffers
	TCP       int64 // of what waits in the sockets' buffers
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
	if info.MemAvailableBytes == nil || info.SlabBytes == nil {
		return m, errors.New("/proc/meminfo has no MemAvailable or no Slab")
	}
	m.Available, m.Slab = int64(*info.MemAvailableBytes), int64(*info.SlabBytes)
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

// gauge watches the memory of a run: the machine's, and that of the processes
// it was told of. It cancels the run before the machine has none left.
type gauge struct {
	least  int64 // that has to stay available
	cancel context.CancelCauseFunc

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

// gaugeInterval is how often the machine's memory is looked at; every
// gaugeFull-th time at that of each process, too.
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
	g := &gauge{least: least, cancel: cancel, lowest: m.Available, stopping: make(chan struct{})}
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
		g.lowest = min(g.lowest, m.Available)
		if i%gaugeFull == 0 {
			g.samples = append(g.samples, g.sample(m))
		}
		g.mu.Unlock()
		if m.Available < g.least {
			g.cancel(fmt.Errorf("%.1f GB of memory are left, and %.1f GB have to stay", gigabytes(m.Available), gigabytes(g.least)))
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

// watchTown has the memory of a cluster and of its clients counted.
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
