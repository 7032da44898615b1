PREFIX  ?= /usr/local
DESTDIR ?=
GO      ?= go

# How long each fuzz test runs, or, as 10000x, how many inputs it gets.
FUZZTIME ?= 30s

# A tarball has no .git, and must not be described by a repository that it was unpacked in.
VERSION ?= $(shell test -e .git && git describe --tags --always --dirty 2>/dev/null)

# The version comes from above: Go's own stamping fails in a checkout that another user owns.
export GOFLAGS := $(strip $(filter-out -buildvcs%,$(shell $(GO) env GOFLAGS 2>/dev/null)) -buildvcs=false)

# ./... does not match directories called testdata.
PACKAGES = ./... ./testdata/bench ./testdata/box ./testdata/realworld

# Vetted, and formatted, but no tests of every day: see their doc.go.
SOAK      = ./testdata/soak
SOAKFLAGS ?=
DOCKER    = ./testdata/docker

# Nothing is taken from the test cache: most of what is tested are processes, which it knows nothing of. One
# package at a time: a fork bomb in one makes the time that another measures meaningless.
TESTFLAGS ?= -count=1 -p 1 -timeout 40m

BUILD   = CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X main.version=$(VERSION)'
SOURCES = go.mod go.sum $(shell find . -name '*.go' ! -name '*_test.go' ! -path './testdata/*')

.DELETE_ON_ERROR:
.PHONY: build test check cross race lint fuzz fuzz-list bench bench-peers bench-go soak test-docker demo demo-ci install clean

build:
	$(BUILD) -o bin/lastout ./cmd/lastout

# For install, which may run as a root that has no Go: not built again where it is up to date.
bin/lastout: $(SOURCES)
	$(BUILD) -o $@ ./cmd/lastout

# The tests run the binary that is installed. Without LASTOUT_BIN they would build one of their own.
test race soak test-docker: export LASTOUT_BIN ?= $(CURDIR)/bin/lastout

test: check cross build
	$(GO) test $(TESTFLAGS) $(PACKAGES)

check:
	$(GO) vet $(PACKAGES) $(SOAK) $(DOCKER)
	@unformatted=$$(gofmt -l .) && test -z "$$unformatted" || { echo "not formatted by gofmt:" $$unformatted >&2; exit 1; }

# Elsewhere than on Linux it compiles, and says that it needs Linux.
cross:
	GOOS=darwin $(GO) build ./...
	GOOS=freebsd $(GO) build ./...
	GOOS=linux GOARCH=amd64 $(GO) build ./...
	GOOS=linux GOARCH=arm64 $(GO) build ./...
	GOOS=linux GOARCH=arm $(GO) build ./...
	GOOS=linux GOARCH=riscv64 $(GO) build ./...

race: build
	$(GO) test -race $(TESTFLAGS) $(PACKAGES)

lint:
	@if command -v golangci-lint >/dev/null; then \
		echo golangci-lint run $(PACKAGES) $(SOAK) $(DOCKER); golangci-lint run $(PACKAGES) $(SOAK) $(DOCKER); \
	else \
		echo "golangci-lint is not installed: go vet only" >&2; $(GO) vet $(PACKAGES) $(SOAK) $(DOCKER); \
	fi

# "directory function", one line for each fuzz test in the tree.
FUZZ_TESTS = grep -rn --include='*_test.go' '^func Fuzz' . | sed -E 's|^(.*)/[^/]*:[0-9]+:func (Fuzz[A-Za-z0-9_]*).*|\1 \2|' | sort

fuzz-list:
	@$(FUZZ_TESTS)

fuzz:
	@$(FUZZ_TESTS) | { \
		found=0; \
		while read -r dir name; do \
			found=1; \
			echo "$$name in $$dir, $(FUZZTIME)"; \
			$(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s "$$dir" </dev/null || exit 1; \
		done; \
		test $$found = 1 || echo "there are no fuzz tests" >&2; \
	}

# Beside its peers; -h in BENCHFLAGS lists what can be asked for.
BENCHFLAGS ?=

bench: build
	$(GO) run ./testdata/bench $(BENCHFLAGS)

bench-peers:
	DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
		tini dumb-init catatonit parallel coreutils util-linux findutils bash gcc libc6-dev

bench-go:
	$(GO) test -run '^$$' -bench . -count=1 $(PACKAGES)

# -v, because go test keeps the progress back otherwise.
soak: build
	$(GO) test -v -count=1 -timeout 60m $(SOAK) -run TestSoak $(SOAKFLAGS)

# What a run that was killed has left in the engine.
SWEEP_ENGINE = \
	docker ps --all --quiet --filter label=lastout-test | xargs -r docker rm --force --volumes >/dev/null; \
	docker images --all --quiet --filter label=lastout-test | sort -u | xargs -r docker rmi --force >/dev/null 2>&1

# In containers of a Docker engine, which this needs, with root and the packages of testdata/docker/packages; one run at a time. -v, for its
# tables; and four tests at once, because most of it is waiting for the engine.
test-docker: build
	@$(SWEEP_ENGINE); \
	status=0; $(GO) test -v -count=1 -timeout 10m -parallel 4 $(DOCKER) || status=$$?; \
	$(SWEEP_ENGINE); \
	exit $$status

# What a newcomer should see. Each is the command line that it prints.
demo: build
	@PATH="$(CURDIR)/bin:$$PATH"; \
	show() { printf '\n$$ %s\n' "$$1"; sh -c "$$1"; echo "(status $$?)"; }; \
	show "lastout sh -c 'sleep 300 & setsid sleep 300 & echo built'"; \
	show "lastout --fail-on-leak sh -c 'setsid -f sleep 300; echo started a daemon'"; \
	show "lastout -t 1 sh -c 'echo waiting; sleep 300'"; \
	show "lastout -g 1 sh -c 'trap \"\" TERM; setsid -f sleep 300; echo started a daemon that ignores TERM'"

# What a step in a GitHub workflow shows, in its log and on the page of the run.
demo-ci: build
	@PATH="$(CURDIR)/bin:$$PATH"; summary=$$(mktemp); trap 'rm -f "$$summary"' EXIT; \
	export GITHUB_ACTIONS=true GITHUB_STEP_SUMMARY="$$summary" LC_ALL=C.UTF-8; \
	show() { printf '\n$$ %s\n' "$$1"; sh -c "$$1"; echo "(status $$?)"; }; \
	show "lastout --fail-on-leak -g 1 sh -c 'setsid -f sleep 302 >/dev/null; (trap \"\" TERM; sleep 300 & exec sleep 301) & sleep 0.5; echo tests passed'"; \
	show "lastout -t 1 sh -c 'echo waiting; sleep 300'"; \
	printf '\nGITHUB_STEP_SUMMARY has:\n'; cat "$$summary"

install: bin/lastout
	install -D -m 755 bin/lastout '$(DESTDIR)$(PREFIX)/bin/lastout'

clean:
	rm -rf bin
