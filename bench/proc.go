package bench

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"
)

// Usage is what a process uses of the machine.
type Usage struct {
	RSS int64         // resident memory, bytes
	CPU time.Duration // processor time since it began
}

// process is a process of this machine, seen through /proc.
type process int

// usage reads the memory and processor time of a process.
func (p process) usage() (Usage, error) {
	cpu, err := p.cpu()
	if err != nil {
		return Usage{}, err
	}
	rss, err := p.rss()
	return Usage{RSS: rss, CPU: cpu}, err
}

// ticksPerSecond is USER_HZ, 100 wherever Go runs on Linux.
const ticksPerSecond = 100

func (p process) cpu() (time.Duration, error) {
	b, err := os.ReadFile(p.file("stat"))
	if err != nil {
		return 0, fmt.Errorf("read processor time: %w", err)
	}
	// The name in parentheses may hold anything; utime and stime are fields 14 and 15 (proc(5)).
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(fields) < 13 {
		return 0, errors.New("read processor time: unknown format of /proc/PID/stat")
	}
	user, err1 := strconv.ParseInt(string(fields[11]), 10, 64)
	system, err2 := strconv.ParseInt(string(fields[12]), 10, 64)
	return time.Duration(user+system) * (time.Second / ticksPerSecond), errors.Join(err1, err2)
}

// rss prefers smaps_rollup: the kernel's quick counters are off by up to some
// megabytes on machines with many processors.
func (p process) rss() (int64, error) {
	b, err := os.ReadFile(p.file("smaps_rollup"))
	if err != nil {
		return p.quickRSS()
	}
	for line := range bytes.Lines(b) {
		if rest, ok := bytes.CutPrefix(line, []byte("Rss:")); ok {
			kb, err := strconv.ParseInt(string(bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimSpace(rest), []byte("kB")))), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("read memory: %w", err)
			}
			return kb << 10, nil
		}
	}
	return p.quickRSS()
}

func (p process) quickRSS() (int64, error) {
	b, err := os.ReadFile(p.file("statm"))
	if err != nil {
		return 0, fmt.Errorf("read memory: %w", err)
	}
	fields := bytes.Fields(b)
	if len(fields) < 2 {
		return 0, errors.New("read memory: unknown format of /proc/PID/statm")
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	return pages * int64(os.Getpagesize()), err
}

func (p process) file(name string) string { return "/proc/" + strconv.Itoa(int(p)) + "/" + name }

// machineCPU is the processor time that all processes of the machine have used,
// without what the kernel spent on interrupts; 0 where that is not told.
func machineCPU() time.Duration {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	line, _, _ := bytes.Cut(b, []byte("\n"))
	fields := bytes.Fields(line)
	if len(fields) < 4 {
		return 0
	}
	var sum int64
	for _, f := range fields[1:4] { // user, nice, system (proc(5))
		n, err := strconv.ParseInt(string(f), 10, 64)
		if err != nil {
			return 0
		}
		sum += n
	}
	return time.Duration(sum) * (time.Second / ticksPerSecond)
}

// meter watches a process while something is measured. A nil meter, for a
// server without a pid, watches nothing.
type meter struct {
	process process
	before  Usage
	began   time.Time
	stop    chan struct{}
	watcher sync.WaitGroup
	peak    int64 // the watcher's until it has ended
	own     time.Duration
	machine time.Duration
}

// metered is what a meter saw.
type metered struct {
	Usage      // memory at the end, processor time spent
	Before     int64
	Peak       int64
	Elapsed    time.Duration
	Client     time.Duration // processor time spent by this process
	Others     time.Duration // and by all others but the server
	HasProcess bool
}

const meterInterval = 100 * time.Millisecond

// startMeter begins to watch; pid 0 watches this process only. end has to be
// called.
func startMeter(pid int) (*meter, error) {
	m := &meter{process: process(pid), began: time.Now(), stop: make(chan struct{}), own: ownCPU(), machine: machineCPU()}
	if pid == 0 {
		return m, nil
	}
	var err error
	if m.before, err = m.process.usage(); err != nil {
		return nil, err
	}
	m.peak = m.before.RSS
	m.watcher.Go(m.watch)
	return m, nil
}

func (m *meter) watch() {
	t := time.NewTicker(meterInterval)
	defer t.Stop()
	for {
		select {
		case <-m.stop:
			return
		case <-t.C:
			if rss, err := m.process.quickRSS(); err == nil {
				m.peak = max(m.peak, rss)
			}
		}
	}
}

// end stops watching and returns what was seen. It may be called once.
func (m *meter) end() (metered, error) {
	close(m.stop)
	m.watcher.Wait()
	r := metered{Elapsed: time.Since(m.began), Client: ownCPU() - m.own}
	if m.process == 0 {
		return r, nil
	}
	after, err := m.process.usage()
	r.HasProcess = true
	r.Usage = Usage{RSS: after.RSS, CPU: after.CPU - m.before.CPU}
	r.Before, r.Peak = m.before.RSS, max(m.peak, after.RSS)
	r.Others = max(0, machineCPU()-m.machine-r.CPU-r.Client)
	return r, err
}
