# What a person types. `make` alone lists the targets.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
TOOL := go tool -modfile=tools/go.mod
# Go tests, a line for each package and the failures last. What has not changed
# since it passed comes from Go's cache. Tests run in parallel to wait, not to
# compute: more of them than there are processors, and of packages one more.
PACKAGES_AT_ONCE := $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
GOTEST := $(TOOL) gotestsum --format pkgname --format-hide-empty-pkg -- -p $(PACKAGES_AT_ONCE) -parallel 8 -timeout 30m
FUZZTIME ?= 1m
# The attacks have the machine for themselves: no other package runs beside them.
ATTACKS := cd test/hostile && go test -tags hostile -count=1
STORM ?= 10m
# The end-to-end tests that make sense with two nodes; make test leaves out the long ones.
CLUSTER_FILES := e2e/*.test.mjs fallback/*.test.mjs go-sdk/*.test.mjs java/java-http.test.mjs move/php.test.mjs
LONG_CLUSTER_FILES := recovery/recovery.test.mjs chat/*.test.mjs docs/*.test.mjs webhooks/*.test.mjs java/client-*.test.mjs java/tls.test.mjs
export PACKAGES RUN COUNT PERCENT E2E TARGETS
# Flags of the release for whatever is compiled: checks, tests, the server that they
# drive and the release then share one build of all dependencies, which takes minutes.
# The race detector has one of its own.
export CGO_ENABLED = 0
FLAGS := -trimpath -tags=grpcnotrace
export GOFLAGS := $(strip $(FLAGS) $(filter-out $(FLAGS),$(shell go env GOFLAGS 2>/dev/null)))

.PHONY: help run demo build test simulate attacks hostile storm race e2e e2e-cluster chaos starved check fmt instructions fuzz bench bench-cluster bench-peers million cli-peers check-deploy store-test screenshots docs docs-site pictures prose release release-check goreleaser-check package-test systemd-test clean

help: ## list the targets
	@echo "fanfare: a self-hosted Pusher-Channels-compatible realtime server. Targets:"
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/  make \1|\2/' | column -t -s '|' 2>/dev/null \
		|| grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST)

run: build ## serve on :6001 with config.yaml and the console on :6003, and show all that happens
	@echo "== serving with config.yaml; Ctrl-C ends it"
	@exec ./bin/fanfare serve --debug --config config.yaml --admin-listen 127.0.0.1:6003

demo: build ## a chat to try, on http://127.0.0.1:8000, and the console on :6004
	@echo "== a chat to try; Ctrl-C ends it"
	@exec ./bin/fanfare demo

screenshots: build ## take the pictures of docs/images again (requires what make e2e installs)
	@echo "== docs/images"
	@./test/run chat/screenshots.mjs console/screenshots.mjs

build: ## make bin/fanfare, one static binary
	@echo "== building bin/fanfare $(VERSION)"
	@CGO_ENABLED=0 go build -tags grpcnotrace -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o bin/fanfare ./cmd/fanfare

test: ## unit tests and fuzz seeds under the race detector, real clients end to end on one node and on two, 40,000 sockets, the release and its deb, then attacks
	@$(MAKE) --no-print-directory race
	@echo "== unit tests that the race detector leaves out or makes shorter"
	@./tools/unraced $(GOTEST)
	@echo "== the HTTP API again, without event loops"
	@FANFARE_TEST_PORTABLE=1 $(GOTEST) ./httpapi
	@$(MAKE) --no-print-directory e2e
	@$(MAKE) --no-print-directory e2e-cluster FILES="$(CLUSTER_FILES)"
	@$(MAKE) --no-print-directory docs-site
	@$(MAKE) --no-print-directory million SOCKETS=40000 MILLION="--events 3 --bare=false --spare 0.5"
	@$(MAKE) --no-print-directory check-deploy
	@$(MAKE) --no-print-directory store-test
	@$(MAKE) --no-print-directory release-check TARGETS="linux/amd64"
	@$(MAKE) --no-print-directory package-test
	@$(MAKE) --no-print-directory attacks

# Go's cache of test results does not see files outside of a module: -count=1.
check-deploy: ## validate deploy/: rules, dashboard, compose, chart, units (installs prometheus and systemd)
	@echo "== deploy/"
	@./test/deploy/setup
	@cd test/deploy && go vet ./... && go test -count=1 ./...

store-test: ## apps in a real PostgreSQL and MariaDB (installs them from Debian)
	@echo "== apps in databases"
	@./test/store/setup
	@go test -tags store -count=1 -timeout 10m ./test/store

attacks: ## attack the built server in 256 MB, in some three minutes
	@echo "== attacks"
	@$(ATTACKS) -timeout 20m

hostile: ## the same attacks with all their force; prints the figures of docs/security-attacks.md
	@echo "== attacks in full"
	@export FANFARE_HOSTILE=full; $(ATTACKS) -timeout 60m

storm: ## all attacks together for STORM (10m), chosen by SEED
	@echo "== a storm of all attacks, $(STORM)"
	@export STORM=$(STORM) SEED=$(SEED); $(ATTACKS) -timeout 24h -run '^TestStorm_OfAllAttacksTogether$$' -v

simulate: ## a cluster under every fault: SEEDS (200) lives of STEPS (100000) steps, from the seed FIRST on
	@echo "== a simulated cluster"
	@SIM_SEEDS=$(or $(SEEDS),200) SIM_STEPS=$(or $(STEPS),100000) SIM_FIRST=$(or $(FIRST),0) \
		go test -count=1 -timeout 24h -run '^TestSim_(Seeds|WhoRecoversHearsWhatItMissed)$$' ./cluster/sim

race: ## unit tests under the race detector (wants a C compiler)
	@echo "== unit tests under the race detector"
	@command -v "$$(go env CC)" >/dev/null || { echo "the race detector wants a C compiler: apt-get install gcc libc6-dev"; exit 1; }
	@CGO_ENABLED=1 $(GOTEST) -race ./...

e2e: ## real clients against the built server (installs them with npm and pip)
	@echo "== real clients, end to end"
	@./test/run

e2e-cluster: ## the same clients against two nodes behind a load balancer, or some of them (FILES="e2e/*.test.mjs …")
	@echo "== real clients and two nodes, end to end"
	@FANFARE_TEST_NODES=2 ./test/run $$(cd test && ls $(or $(FILES),$(CLUSTER_FILES) $(LONG_CLUSTER_FILES)))

chaos: ## a cluster of real processes through longer failures than e2e has, in some minutes
	@echo "== a cluster through long failures"
	@./test/run $$(cd test && ls cluster/*.chaos.mjs)

starved: ## the tests at 12 % of a processor and beside busy loops: those that wait for time fail (PARTS, PACKAGES, RUN, COUNT, E2E choose)
	@echo "== tests where processors are scarce"
	@./tools/starved $(PARTS)

check: ## formatting, vet, staticcheck, known vulnerabilities, the language of the docs, race tests, instruction counts, 2 s of each fuzz target
	@echo "== gofumpt"
	@unformatted=$$($(TOOL) gofumpt -l .); if [ -n "$$unformatted" ]; then echo "not formatted; run 'make fmt':"; echo "$$unformatted"; exit 1; fi
	@echo "== go vet, here and for macOS, FreeBSD and Windows"
	@go vet ./...
	@go vet -tags hostile ./test/hostile
	@go vet -tags store ./test/store
	@./tools/crossvet/run
	@echo "== staticcheck"
	@$(TOOL) staticcheck ./...
	@$(TOOL) staticcheck -tags hostile ./test/hostile
	@$(TOOL) staticcheck -tags store ./test/store
	@echo "== govulncheck"
	@./tools/vulncheck
	@$(MAKE) --no-print-directory prose
	@$(MAKE) --no-print-directory race
	@$(MAKE) --no-print-directory instructions
	@$(MAKE) --no-print-directory fuzz FUZZTIME=2s

fmt: ## format every Go file
	@echo "== gofumpt -w"
	@$(TOOL) gofumpt -l -w .

instructions: ## no hot path takes more instructions than it did (wants valgrind)
	@echo "== instructions of the hot paths"
	@./tools/instructions

fuzz: ## every fuzz target for FUZZTIME (1m)
	@echo "== fuzz targets, $(FUZZTIME) each"
	@./tools/fuzz $(FUZZTIME)

bench: build ## the figures of docs/performance.md, on this machine
	@echo "== benchmark figures"
	@./bin/fanfare bench figures

bench-cluster: build ## clusters of fanfares on this machine (wants redis-server)
	@echo "== clusters"
	@./bin/fanfare bench cluster --runs 3

million: build ## SOCKETS (1000000) on one channel of a cluster on this machine, and a node that dies; fails if anything is lost or not exact (wants redis-server)
	@echo "== $(or $(SOCKETS),1000000) sockets on a cluster"
	@./bin/fanfare bench million --sockets $(or $(SOCKETS),1000000) $(MILLION)

bench-peers: build ## fanfare and its peers by turns, with the same client; ROWS, PEERS and ROUNDS choose (installs soketi with npm, builds Centrifugo)
	@echo "== fanfare against its peers"
	@cd tools/peers && npm install --no-save --ignore-scripts --no-progress --silent # npm ci wants packages of every system in the lock file
	@CGO_ENABLED=0 go build -modfile=tools/peers/centrifugo/go.mod -o bin/centrifugo github.com/centrifugal/centrifugo/v6
	@node tools/peers/run.mjs

cli-peers: build ## the commands that call a server, with fanfare and with soketi (installs soketi with npm)
	@echo "== the commands against fanfare and soketi"
	@cd tools/peers && npm install --no-save --ignore-scripts --no-progress --silent
	@node --test tools/peers/cli.test.mjs

docs: ## write config.yaml and docs/configuration*.md from the code
	@echo "== config.yaml and docs/configuration*.md"
	@go test ./config -run '^TestGenerated' -count=1 -update

pictures: ## draw the pictures in docs/images anew that tools/pictures makes
	@echo "== docs/images"
	@go run -C tools ./pictures

docs-site: ## build the documentation as a site into bin/site, and check its links (installs MkDocs with pip)
	@echo "== bin/site"
	@./tools/site/build

prose: ## check the language of the docs: coined words, long sentences (FILES chooses; installs textlint with npm)
	@echo "== the language of the documentation"
	@./tools/prose/run $(FILES)

release: ## all archives, packages, SBOMs and SHA256SUMS into bin/release (TARGETS="linux/amd64 …" chooses)
	@echo "== a release of $(VERSION)"
	@rm -rf bin/release
	@./tools/release/release bin/release

release-check: ## build the release twice, the second time from nothing, and compare (TARGETS chooses)
	@echo "== two builds of a release"
	@./tools/release/check

# Without a remote, as in a clone of a folder, goreleaser does not know where to publish.
goreleaser-check: ## validate .goreleaser.yaml with goreleaser itself, which takes minutes to build
	@echo "== .goreleaser.yaml"
	@GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=remote.origin.url GIT_CONFIG_VALUE_0=https://github.com/example/fanfare.git \
		go tool -modfile=tools/goreleaser/go.mod goreleaser check

package-test: ## install, run, update and remove the deb and the rpm in Debian chroots, and make and run the image of the Dockerfile (as root; installs mmdebstrap and rpm)
	@echo "== the image of the Dockerfile"
	@./test/package/image
	@echo "== the deb in a chroot"
	@./test/package/deb
	@echo "== the rpm in a chroot"
	@./test/package/rpm

# Not a part of package-test: starting systemd needs a cgroup of one's own, which a container may not give.
systemd-test: ## run the archive and the deb under systemd in a fresh Debian, by the commands of the pages (as root, with cgroup v2; installs mmdebstrap)
	@echo "== the archive and the deb under systemd"
	@./test/package/systemd

clean: ## remove what was built
	@echo "== removing bin/ and cached test results"
	@rm -rf bin
	@go clean -testcache
