package bench

import (
	"fmt"
	"sync"
	"time"

	"fanfare/bench/client"
	"fanfare/bench/report"

	"github.com/prometheus/procfs"
)

// Usage is the memory and processor time of a process.
type Usage struct {
	RSS int64         // resident memory, bytes
	CPU time.Duration // processor time since the process began
}

// process is the id of a process of this machine, which is observed through /proc.
type process int

// usage reads the memory and processor time of a process.
func (p process) usage() (Usage, error) {
	proc, err := procfs.NewProc(int(p))
	if err != nil {
		return Usage{}, fmt.Errorf("read memory and processor time: %w", err)
	}
	stat, err := proc.Stat()
	if err != nil {
		return Usage{}, fmt.Errorf("read memory and processor time: %w", err)
	}
	u := Usage{RSS: int64(stat.ResidentMemory()), CPU: asDuration(stat.CPUTime())}
	if rss, ok := exactRSS(proc); ok {
		u.RSS = rss
	}
	return u, nil
}

// quickRSS reads the kernel's quick counter of a process's memory.
func (p process) quickRSS() (int64, error) {
	proc, err := procfs.NewProc(int(p))
	if err != nil {
		return 0, err
	}
	stat, err := proc.Stat()
	return int64(stat.ResidentMemory()), err
}

// machineCPU returns the processor time that all processes of the machine have used,
// without interrupts; 0 where that is unknown.
func machineCPU() time.Duration {
	fs, err := procfs.NewDefaultFS()
	if err != nil {
		return 0
	}
	stat, err := fs.Stat()
	if err != nil {
		return 0
	}
	return asDuration(stat.CPUTotal.User + stat.CPUTotal.Nice + stat.CPUTotal.System)
}

func asDuration(seconds float64) time.Duration {
	return time.Duration(seconds * float64(time.Second))
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

// metered is the result of a meter.
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
	m := &meter{process: process(pid), began: time.Now(), stop: make(chan struct{}), own: client.OwnCPU(), machine: machineCPU()}
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
	r := metered{Elapsed: time.Since(m.began), Client: client.OwnCPU() - m.own}
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

// addUsage adds memory and processor time to a result. With units above 0, the number
// of deliveries or requests, it also adds the processor time per unit.
func addUsage(r *report.Result, m metered, units int64) {
	if m.HasProcess {
		r.Add("server memory", "MB", report.Megabytes(m.RSS))
		r.Add("server memory peak", "MB", report.Megabytes(m.Peak))
		r.Add("server CPU", "cores", m.CPU.Seconds()/m.Elapsed.Seconds())
		if units > 0 {
			r.Add("server CPU per million", "s", m.CPU.Seconds()/float64(units)*1e6)
		}
	}
	r.Add("client CPU", "cores", m.Client.Seconds()/m.Elapsed.Seconds())
	if m.HasProcess {
		r.Add(othersCPU, "cores", m.Others.Seconds()/m.Elapsed.Seconds())
	}
}

// othersCPU is the metric of the processor time of other processes. It should be
// close to 0: other processes increase every latency.
const othersCPU = "other processes' CPU"
