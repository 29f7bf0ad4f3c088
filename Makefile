# Belfry's commands for people who build it. `make help` lists them; each installs what it needs.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help build release test demo demo-real bench bench-rpc peers attack sim plant fuzz sanitize generate
.PHONY: crash outage chaos soak deb debtest deploycheck format lint clean dependencies

# How many seeds `make sim` runs, and from which on: `make sim SEEDS=100000 FIRST=42`.
SEEDS ?= 10000
FIRST ?= 1
# Arguments of the benchmarks: `make bench BENCH="unary --seconds 5"`.
BENCH ?=
# Arguments of scripts/plant: `make plant PLANT="--only 7 --only 22"`.
PLANT ?=
# How long `make fuzz` feeds each target, and which: `make fuzz SECONDS=600 ONLY="deframer gzip"`.
SECONDS ?= 60
ONLY ?=
# Arguments of scripts/attack: `make attack ATTACK="--only hpack-bomb --json"`.
ATTACK ?=
# Arguments of scripts/crash and scripts/outage: `make crash CRASH="--every 1 --only queue/kill"`.
CRASH ?=
OUTAGE ?=
# Arguments of scripts/chaos: `make chaos CHAOS="--full --json chaos.ndjson"`.
CHAOS ?=
# How many jobs `make soak` runs, and its other arguments: `make soak JOBS=20000 SOAK="--seed 7"`.
JOBS ?= 2000
SOAK ?=
# Arguments of `make bench-rpc`: groups, runs, a file for the rows.
BENCH_RPC ?=
GRPC_CPP = test .build/bench-peers/grpc-cpp -nt scripts/bench-peers/grpc-cpp.cc || \
  c++ -O2 -std=c++17 scripts/bench-peers/grpc-cpp.cc -o .build/bench-peers/grpc-cpp \
  $$(pkg-config --cflags --libs grpc++)
SWIFT_FILES := Package.swift Sources Tests examples

# Ends a recipe's command: says what to do next when it fails.
otherwise = || { echo "make $@: $(1)" >&2; exit 1; }
compile_error = the first line with 'error:' above says what is wrong

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' Makefile

dependencies:
	@scripts/install-dependencies

build: dependencies ## build everything, for debugging, into .build/debug
	@swift build $(call otherwise,$(compile_error))

release: dependencies ## build everything with optimisation, into .build/release
	@swift build -c release $(call otherwise,$(compile_error))

test: ## run all tests, on a RabbitMQ and a MongoDB of their own
	@scripts/test

demo: ## the tour: 600 jobs on belfry dev, a worker and the coordinator killed, the outcomes counted
	@scripts/install-dependencies --build
	@swift build --product belfry $(call otherwise,$(compile_error))
	@.build/debug/belfry demo $(call otherwise,see the message above)

demo-real: dependencies ## the same on RabbitMQ and MongoDB: three kinds of producers, a worker killed
	@swift build --product belfry $(call otherwise,$(compile_error))
	@swift build --product sdk-producer $(call otherwise,$(compile_error))
	@scripts/demo

bench: dependencies ## measure calls, messages, jobs a second and latency, on real parts
	@swift build -c release --product belfry $(call otherwise,$(compile_error))
	@swift build -c release --product belfry-bench $(call otherwise,$(compile_error))
	@BELFRY_TEST_BIN="$$PWD/.build/release" scripts/with-services .build/release/belfry-bench $(BENCH) \
	  $(call otherwise,see the message above; the servers' logs are in .build/services-*)

bench-rpc: dependencies ## measure the RPC layer beside nghttpd, gRPC C++, grpc-swift-2: BENCH_RPC="--only stream"
	@scripts/install-dependencies --bench
	@mkdir -p .build/bench-peers
	@$(GRPC_CPP) $(call otherwise,gRPC C++ is of Debian's libgrpc++-dev)
	@swift build -c release --package-path Tests/GRPCSwiftPeer --scratch-path .build-peers \
	  $(call otherwise,$(compile_error))
	@swift build -c release --product belfry $(call otherwise,$(compile_error))
	@swift build -c release --product belfry-bench $(call otherwise,$(compile_error))
	@scripts/bench-rpc $(BENCH_RPC) $(call otherwise,see the message above)

peers: dependencies ## build grpc-swift-2's server and client into .build-peers, and test against them
	@swift build -c release --package-path Tests/GRPCSwiftPeer --scratch-path .build-peers \
	  $(call otherwise,$(compile_error))
	@SEEDS=0 BELFRY_GRPC_SWIFT_PEER="$$PWD/.build-peers/release/grpc-swift-peer" \
	  scripts/test --filter BelfryRPCTests.Foreign

attack: dependencies ## attack a coordinator on loopback while honest clients call: ATTACK="--only NAME"
	@swift build -c release --product belfry $(call otherwise,$(compile_error))
	@BELFRY_TEST_BIN="$$PWD/.build/release" scripts/with-services scripts/attack $(ATTACK) \
	  $(call otherwise,the lines marked FAILED say what was not withstood)

crash: dependencies ## break a cluster at message k, and at each failpoint, and count: CRASH="--every 1"
	@swift build --product belfry $(call otherwise,$(compile_error))
	@scripts/crash $(CRASH) $(call otherwise,the lines marked WRONG say which cell; its logs: .build/crash-logs)
	@[ -n "$(CRASH)" ] || scripts/crash --failpoints $(call otherwise,the lines marked WRONG say which cell)

outage: dependencies ## take away RabbitMQ, MongoDB, coordinator, worker under load: OUTAGE="--only mongo"
	@swift build --product belfry $(call otherwise,$(compile_error))
	@scripts/outage $(OUTAGE) $(call otherwise,the lines marked WRONG say which drill; its logs: .build/crash-logs)

chaos: dependencies ## how soon a coordinator notices, and what it takes for a loss (as root): CHAOS="--full"
	@swift build -c release --product belfry $(call otherwise,$(compile_error))
	@BELFRY_TEST_BIN="$$PWD/.build/release" scripts/chaos $(CHAOS) \
	  $(call otherwise,the lines marked WRONG say which goal was missed; its logs: .build/crash-logs/chaos)

soak: dependencies ## many jobs with a random fault every 10 s, and one ledger: JOBS=20000
	@swift build --product belfry $(call otherwise,$(compile_error))
	@scripts/soak $(JOBS) $(SOAK) $(call otherwise,the lines marked WRONG say what; the logs: .build/crash-logs)

deb: ## build the Debian package, with Swift linked in, into .build/deb
	@scripts/install-dependencies --deploy
	@scripts/deb $(call otherwise,see the message above)

debtest: ## install, upgrade, run and remove the package of `make deb` on a bare Debian 12 (as root)
	@scripts/install-dependencies --deploy
	@scripts/deb-test $(call otherwise,see the message above)

deploycheck: ## check units, image, Compose, Kubernetes, and each command line in them, against the program
	@scripts/install-dependencies --deploy
	@swift build --product belfry $(call otherwise,$(compile_error))
	@scripts/deploy-check $(call otherwise,the lines above say in which file)
	@scripts/deploy-check --control $(call otherwise,a check that finds nothing must be able to find something)

sim: dependencies ## run the simulator: SEEDS=N seeds, the first one FIRST=N
	@swift build -c release --product belfry-sim $(call otherwise,$(compile_error))
	@.build/release/belfry-sim --seeds $(SEEDS) --first-seed $(FIRST) \
	  $(call otherwise,the lines above repeat the run; keep its short form in Tests/BelfryCoreTests/KeptRuns.txt)

plant: dependencies ## break the guards one at a time on a copy, see the simulator go red: PLANT="--only 7"
	@scripts/plant $(PLANT) $(call otherwise,a row without a promise is a guard that nothing tests)

fuzz: dependencies ## feed parsers and the core with arbitrary bytes: SECONDS=60 a target, ONLY=deframer
	@FUZZ_SECONDS=$(SECONDS) scripts/fuzz $(ONLY)

sanitize: dependencies ## run the tests of the RPC layer and the core under ThreadSanitizer and AddressSanitizer
	@scripts/sanitize

generate: dependencies ## write the code that is generated from proto/ anew
	@scripts/generate $(call otherwise,the messages above name file and line in proto/)

format: ## put all Swift files into the house's format
	@swift format --in-place --parallel --recursive $(SWIFT_FILES)

lint: ## check format and imports, change nothing
	@swift format lint --strict --parallel --recursive $(SWIFT_FILES) \
	  $(call otherwise,run "make format" and mend by hand what is still listed)
	@swift build --explicit-target-dependency-import-check error \
	  $(call otherwise,add the dependency named above to the target in Package.swift)

clean: ## remove what was built, and stop servers that a killed run left behind
	@scripts/with-services --sweep
	@rm -rf .build .build-*
