# Doorstep (上门). Two targets are all one needs: `make demo` and `make test`.

SHELL := /bin/sh
BIN   := .tmp/bin
TOOLS := .ci/tools/node_modules/.bin
# What is generated from proto/.
TEMPLATES := buf.gen.yaml buf.gen.clients.yaml buf.gen.sample.yaml buf.gen.typescript.yaml buf.gen.docs.yaml \
	clientgen/typescript/field/buf.gen.yaml clientgen/typescript/sample/buf.gen.yaml

GOLANGCI_VERSION := v2.15.0
# What `make soak` simulates: that many seeds from the first on.
SEEDS ?= 100000
FROM  ?= 1
# The time that each fuzz target gets in `make fuzz`.
FUZZTIME ?= 20s
# The race detector needs a C compiler.
RACE := $(shell command -v cc >/dev/null 2>&1 && echo -race)

.PHONY: demo build test quick check audit licences test-go test-ts test-kt faults fuzz bench lint lint-go lint-mod lint-proto soak vet generate fresh golden clean need

## demo: start everything on this machine with a demo company and print what to open; ARGS are passed on.
demo: build
	@DOORSTEP_WITH_PARENT=1 exec $(BIN)/doorstep demo $(ARGS)

## build: the programs, .tmp/bin/doorstep and, for the demo, .tmp/bin/doorstep-store.
build: need
	@.ci/build $(BIN)/doorstep

## test: everything that CI runs. DOORSTEP_TEST_DATABASE_URL=postgres://… runs it against that server, each test in a
## database of its own there; its role needs CREATEDB, CREATEROLE and BYPASSRLS. DOORSTEP_ALL=1 makes a skipped test a
## failure, unless .ci/skips names it.
test: check

## check: generated code is fresh, lint, vet, all tests with the race detector, fuzz targets on their seeds.
check: need
	@MAKE='$(MAKE)' .ci/stages fresh lint-mod lint-go lint-proto licences vet test-go test-ts test-kt

## quick: vet, and the tests of the packages that changed. Before every commit.
quick: need
	@.ci/quick

test-go: need
	@if [ -z "$(RACE)" ]; then echo "no C compiler: the race detector is off" >&2; fi
	@go run ./internal/testrun -allow .ci/skips -- $(RACE) -shuffle=on -timeout 20m ./...

## test-ts: the TypeScript clients. test-kt: the Kotlin clients.
test-ts: need
	@.ci/typescript

test-kt: need
	@.ci/kotlin

## vet: go vet, and everything builds for Windows.
vet: need
	go vet ./...
	GOOS=windows go build ./...

## lint: Go and Protobuf.
lint: lint-go lint-mod lint-proto licences

## lint-mod: go.mod and go.sum name what the source needs, and nothing else; go fix finds nothing to renew.
lint-mod: need
	go mod tidy -diff
	go fix -diff ./...

lint-go: $(BIN)/golangci-lint-$(GOLANGCI_VERSION)
	$(BIN)/golangci-lint-$(GOLANGCI_VERSION) run ./...

lint-proto: $(TOOLS)/buf
	$(TOOLS)/buf lint
	@.ci/breaking $(TOOLS)/buf

## licences: every dependency is under a licence that Doorstep may ship.
licences: need
	@go run ./internal/licences

## audit: what needs a remote service, and so is no part of make test: known vulnerabilities, downloads.
audit: need
	go run golang.org/x/vuln/cmd/govulncheck@v1.9.0 ./...
	DOORSTEP_TEST_DOWNLOAD=1 go test -count=1 ./server/local/postgres

## generate: Go, the clients and docs/api from proto/.
generate: $(TOOLS)/buf
	@for t in $(TEMPLATES); do echo "buf generate --template $$t" && $(TOOLS)/buf generate --template $$t || exit 1; done

## fresh: what is generated is what would be generated now, and nothing else.
fresh: $(TOOLS)/buf
	@rm -rf .tmp/fresh && mkdir -p .tmp/fresh
	@for t in $(TEMPLATES); do $(TOOLS)/buf generate --template $$t -o .tmp/fresh || exit 1; done
	@cd .tmp/fresh && find . -type f | while read -r f; do diff "$$f" "../../$$f" || \
		{ echo "$$f is not what proto/ says: run make generate" >&2; exit 1; }; done
	@find proto docs/api -name '*.go' -o -path 'docs/api/*.md' | while read -r f; do [ -e ".tmp/fresh/$$f" ] || \
		{ echo "$$f comes from no .proto file any more: delete it" >&2; exit 1; }; done
	@rm -rf .tmp/fresh

## golden: write down the schema and other golden files anew.
golden: need
	DOORSTEP_UPDATE_GOLDEN=1 go test -count=1 ./migrations ./server/distribute ./clientgen/sample/meter

## faults: every fault between phone, server, database and store, ROUNDS times each (at most 6) from SEED, and how
## long each took to recover from; ONLY=database those with that in their name, by the test that has most of them.
ROUNDS ?= 2
SEED ?= 1
faults: need
	DOORSTEP_FAULT_ROUNDS=$(ROUNDS) DOORSTEP_FAULT_SEED=$(SEED) DOORSTEP_FAULT_ONLY='$(ONLY)' \
		go test -count=1 -v -timeout 60m ./internal/day $(if $(ONLY),-run TestNothingIsLostInAnyFault)

## fuzz: every fuzz target, FUZZTIME each.
fuzz: need
	@.ci/fuzz $(FUZZTIME)

## soak: SEEDS simulations of phones, replicas and faults around the sync engine, from seed FROM on.
soak: need
	go test ./sync/synctest -run 'TestSimulator$$' -count=1 -timeout 0 -v -args -seeds=$(SEEDS) -from=$(FROM)

## bench: figures beside what they stand on, written to docs/BENCHMARKS.md; ARGS="-growth 10000000" for all of the growth row.
bench: need
	go run ./internal/bench $(ARGS)

## clean: forget the demo's data and all that was built.
clean: need
	@if [ -d .doorstep ]; then go run ./server clean; fi
	@rm -rf .tmp .ci/tools/node_modules

need:
	@command -v go >/dev/null 2>&1 || { echo "Doorstep needs Go 1.26 or newer: https://go.dev/dl/" >&2; exit 1; }

$(BIN)/golangci-lint-$(GOLANGCI_VERSION): | need
	@mkdir -p $(BIN)
	GOBIN=$(CURDIR)/$(BIN) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	@mv $(BIN)/golangci-lint $@

$(TOOLS)/buf: .ci/tools/package-lock.json
	@command -v npm >/dev/null 2>&1 || { echo "Doorstep's tools need Node and npm: https://nodejs.org/" >&2; exit 1; }
	cd .ci/tools && npm ci --no-audit --no-fund --silent
	@touch $@
