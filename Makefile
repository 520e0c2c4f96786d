# The project's commands. `make test` needs a Debian 12 with Go and root (or sudo) for the packages; everything else needs Go only.

STATICCHECK = honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK = golang.org/x/vuln/cmd/govulncheck@v1.9.0
PROTOCGENGO = google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12

# One line, one purpose: directory, servers that people come from and go to, clients, tracing, schemas, certificates.
PACKAGES = slapd ldap-utils \
	ejabberd prosody \
	profanity tmux go-sendxmpp python3-slixmpp python3-aiohttp openjdk-17-jdk-headless maven nodejs \
	strace procps mount util-linux protobuf-compiler openssl gcc libc6-dev

BIN = $(CURDIR)/.tools/protokoll

# What clients with windows need besides.
DESKTOP = gajim dino-im psi-plus xvfb openbox xdotool xclip imagemagick dbus-daemon x11-utils fonts-dejavu-core libglib2.0-bin iproute2

.PHONY: test nightly clients check build generate bench packages race vulnerabilities clean

build:
	go build -o protokoll ./cmd/protokoll

# All tests. The big ones build nothing again: PROTOKOLL_BINARY hands them one binary. -p 2 keeps packages that measure
# or kill from starving each other; no test result is taken from the cache.
test: packages
	@mkdir -p .tools
	go build -o $(BIN) ./cmd/protokoll
	PROTOKOLL_BINARY=$(BIN) go test -count=1 -p 2 -timeout 15m ./...

# The fault harness for hours instead of seconds. A seed that failed is printed; PROTOKOLL_SEED repeats it.
nightly: packages
	@mkdir -p .tools
	go build -o $(BIN) ./cmd/protokoll
	PROTOKOLL_BINARY=$(BIN) PROTOKOLL_ROUNDS=1000 PROTOKOLL_CUTS=300 PROTOKOLL_INJURIES=500 \
		go test -count=1 -timeout 4h -v -run 'TestRounds|TestPowerCut|TestDamage' ./test/faults

# Clients with windows, on a virtual screen and in a network of their own. Needs root. Look at .tools/screens afterwards.
clients: packages
	@.ci/packages $(DESKTOP)
	@mkdir -p .tools/screens
	go build -o $(BIN) ./cmd/protokoll
	go vet -tags desktop ./test/clients/desktop
	go test -c -tags desktop -o .tools/desktop.test ./test/clients/desktop
	cd test/clients/desktop && PROTOKOLL_BINARY=$(BIN) PROTOKOLL_SCREENS=$(CURDIR)/.tools/screens \
		../drivers/namespace.sh $(CURDIR)/.tools/desktop.test -test.v -test.timeout 20m

# Debian's scripts start the daemons they install; policy-rc.d forbids it, and is taken away again when it was ours.
packages:
	@.ci/packages $(PACKAGES)
	@command -v npm >/dev/null || .ci/packages npm # newer packages of nodejs bring it and refuse Debian's

check: build
	@test -z "$$(gofmt -l . | tee /dev/stderr)" || { echo "gofmt: the files above are not formatted"; exit 1; }
	go vet ./...
	go run $(STATICCHECK) ./...
	$(MAKE) --no-print-directory generate
	@git diff --exit-code -- '*.pb.go' || { echo "generate: the committed files are not what the schemas say"; exit 1; }
	$(MAKE) --no-print-directory vulnerabilities
	$(MAKE) --no-print-directory race

# Fails on a finding and on any trouble but one: a machine that cannot reach the database says so and goes on.
vulnerabilities:
	@.ci/vulnerabilities go run $(GOVULNCHECK) ./...

# The tests that start servers and clients are the same with and without the race detector; PROTOKOLL_BINARY is built with it.
race:
	@mkdir -p .tools
	CGO_ENABLED=1 go build -race -o $(BIN)-race ./cmd/protokoll
	CGO_ENABLED=1 PROTOKOLL_BINARY=$(BIN)-race go test -race -count=1 -p 2 -timeout 30m ./...

generate: .tools/protoc-gen-go
	go generate ./schemas

.tools/protoc-gen-go:
	GOBIN=$(CURDIR)/.tools go install $(PROTOCGENGO)

bench:
	go test -run '^$$' -bench . -benchmem -timeout 60m ./...

clean:
	rm -rf protokoll .tools
