# Every daily command. `make help` lists them; .ci/run calls the same ones.
#
#   PYTHON=python3.13 make test     another interpreter, with a virtual environment of its own
#   make test PYTEST_ARGS="-k echo" part of the Python tests

PYTHON ?= python3
VENV ?= $(if $(filter python3,$(PYTHON)),.venv,.venv-$(notdir $(PYTHON)))
PYTEST_ARGS ?=
CONFORMANCE_ARGS ?=
IN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1
# Where a nightly toolchain is needed (AddressSanitizer, fuzzing), and for nothing else.
NIGHTLY ?= nightly
# The checker's crates have targets and a Cargo profile of their own (`check-…`): what they are made of takes minutes to build, so no
# other target builds them.
CHECKER := -p riata_types -p riata_check -p riata_cli
RUNTIME := --workspace --exclude riata_types --exclude riata_check --exclude riata_cli
# The crates of the runtime that need no Python.
RUST_ONLY := $(RUNTIME) --exclude riata_python
SOURCES := Cargo.toml Cargo.lock pyproject.toml $(shell find crates \( -name riata_types -o -name riata_check -o -name riata_cli \) -prune \
  -o \( -name '*.rs' -o -name Cargo.toml \) -print 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  \033[1m%-14s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Use

.PHONY: run
run: build ## Build riata in a virtual environment and run the example on it
	$(IN)/riata run examples/prices.py

.PHONY: build
build: $(VENV)/.built ## Build the extension (release mode) into the virtual environment

# The one stamp: the virtual environment holds an extension that is as new as its sources.
$(VENV)/.built: $(VENV)/.ready $(SOURCES)
	@command -v cargo >/dev/null || { echo "error: cargo is not on PATH; hint: install stable Rust, https://rustup.rs" >&2; exit 1; }
	@command -v cc >/dev/null || { echo "error: no C compiler (cc) is on PATH, Rust needs it to link; hint: apt-get install gcc libc6-dev" >&2; exit 1; }
	VIRTUAL_ENV="$(CURDIR)/$(VENV)" PATH="$(CURDIR)/$(IN):$$PATH" $(IN)/maturin develop --release --quiet
	@touch $@

$(VENV)/.ready:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "error: $(PYTHON) is too old or missing; hint: riata needs CPython 3.10 or newer, \`make PYTHON=python3.12\` chooses one" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "error: $(PYTHON) cannot make virtual environments; hint: on Debian, apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(IN)/python -m pip install --quiet 'maturin>=1.9,<2'
	@touch $@

.PHONY: wheel
wheel: $(VENV)/.ready ## Build a wheel for the Python at hand into dist/
	PATH="$(CURDIR)/$(IN):$$PATH" $(IN)/maturin build --release --out dist --interpreter $(IN)/python

##@ Test

.PHONY: test
test: test-rust test-python ## Run the tests, Rust and Python, on the Python at hand

.PHONY: test-rust
test-rust: ## Run the Rust tests
	cargo test --quiet $(RUST_ONLY)
	cargo test --quiet --manifest-path benchmarks/loadgen/Cargo.toml

.PHONY: test-python
test-python: build $(VENV)/.test ## Run the Python tests
	$(IN)/python -m pytest $(PYTEST_ARGS)

.PHONY: test-short
test-short: build $(VENV)/.test ## Run the short form of the Python tests (what every other Python gets)
	$(IN)/python -m pytest -m "not programs and not slow" $(PYTEST_ARGS)

.PHONY: conformance
conformance: build ## Run CPython's own asyncio tests on riata: its loop, its Task and Future, both
	$(IN)/python -m conformance $(CONFORMANCE_ARGS)

# The version whose debug build is taken; Debian's sid has it.
DEBUG_PYTHON ?= 3.14
.PHONY: test-debug
test-debug: ## Run the Python tests on CPython's debug build, which counts references and checks the collector
	scripts/with-python $(DEBUG_PYTHON)-dbg $(MAKE) test-python

.PHONY: test-long
test-long: build $(VENV)/.test ## Run the long forms: a million tasks, a day of timers, ten thousand connections
	RIATA_TEST_LONG=1 $(IN)/python -m pytest -m long -rP $(PYTEST_ARGS)

.PHONY: fuzz-python
fuzz-python: build $(VENV)/.test ## Run random programs on asyncio and riata side by side, ten times as many as the tests do (RIATA_FUZZ=10)
	RIATA_FUZZ=$${RIATA_FUZZ:-10} $(IN)/python -m pytest tests/properties --show-capture=no $(PYTEST_ARGS)

# What is within the process and makes many objects; everything is some ten times slower.
GC_TESTS ?= tests/callbacks tests/futures tests/tasks tests/primitives tests/net tests/threads
.PHONY: test-gc
test-gc: build $(VENV)/.test ## Run a part of the Python tests with the collector at every allocation
	RIATA_TEST_GC=1 RIATA_TEST_LOOPS=riata $(IN)/python -m pytest -m "not slow" --timeout 600 $(GC_TESTS) $(PYTEST_ARGS)

MINUTES ?= 30
.PHONY: soak
soak: build $(VENV)/.test ## Run servers and clients at random for half an hour (MINUTES=30): memory and descriptors flat, every byte right
	$(IN)/python -m tests.soak --minutes $(MINUTES)

# The folders whose tests are within the process; under valgrind everything is some 30 times slower.
VALGRIND_TESTS ?= tests/callbacks tests/futures tests/tasks tests/net tests/sock tests/threads
.PHONY: valgrind
valgrind: build $(VENV)/.test ## Run a part of the Python tests on riata's loop under valgrind's memcheck (an hour)
	@command -v valgrind >/dev/null || { echo "error: valgrind is not on PATH; hint: apt-get install valgrind" >&2; exit 1; }
	PYTHONMALLOC=malloc RIATA_TEST_LOOPS=riata valgrind --quiet --error-exitcode=9 --num-callers=20 \
	  --suppressions=tests/valgrind.supp $(IN)/python -m pytest --timeout 1200 -m "not slow" $(VALGRIND_TESTS) $(PYTEST_ARGS)

SUITES ?=
.PHONY: suites
suites: build ## Run other projects' test suites on asyncio and on riata and compare (SUITES="httpcore anyio"; needs PyPI)
	$(IN)/python scripts/suites/run.py $(SUITES)

.PHONY: suites-plugin
suites-plugin: build ## Run those that use pytest-asyncio, its own too, without and with riata's pytest plugin and compare
	$(IN)/python scripts/suites/run.py --plugin $(SUITES)

.PHONY: pytest-asyncio
pytest-asyncio: build ## Run a project of every mode, scope and fixture with each pytest-asyncio since 0.23, without and with riata's plugin
	$(IN)/python scripts/suites/versions.py

TEST_REQUIREMENTS := $(wildcard tests/requirements.txt tests/cli/requirements.txt)
# Rust code is watched by AddressSanitizer, memory of Python's objects too (each is a `malloc`), CPython's own accesses are not.
# The package is copied, with an extension of its own: what `make build` has built stays as it is.
ASAN_TESTS ?= tests/callbacks tests/futures tests/tasks tests/net tests/tls tests/sock tests/datagrams tests/pipes tests/threads
HOST = $(shell rustc -vV | sed -n 's/^host: //p')
.PHONY: asan-python
asan-python: $(VENV)/.ready $(VENV)/.test ## Run a part of the Python tests on an extension under AddressSanitizer (nightly toolchain, Linux, gcc)
	PYO3_PYTHON="$(CURDIR)/$(IN)/python" RUSTFLAGS="-Zsanitizer=address" CARGO_TARGET_DIR=target/asan \
	  CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
	  cargo +$(NIGHTLY) build --release --quiet --target "$(HOST)" -p riata_python
	rm -rf target/asan/python && mkdir target/asan/python && cp -r python/riata target/asan/python && rm -f target/asan/python/riata/*.so
	cp "target/asan/$(HOST)/release/lib_riata.so" "target/asan/python/riata/_riata$$($(IN)/python -c 'import sysconfig; print(sysconfig.get_config_var("EXT_SUFFIX"))')"
	LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libstdc++.so)" ASAN_OPTIONS=detect_leaks=0 \
	  PYTHONMALLOC=malloc PYTHONPATH=target/asan/python RIATA_TEST_LOOPS=riata \
	  $(IN)/python -m pytest -m "not slow" --timeout 600 -p no:faulthandler $(ASAN_TESTS) $(PYTEST_ARGS)

$(VENV)/.test: $(VENV)/.ready $(TEST_REQUIREMENTS)
	$(IN)/python -m pip install --quiet $(addprefix -r ,$(TEST_REQUIREMENTS))
	@touch $@

# A package of its own, with the Python files as they are and an extension whose system calls fail; the build of `make build`
# stays what it is.
FAULTS := target/faults/$(notdir $(VENV))
FAULTS_TESTS ?= tests/net tests/sock tests/datagrams tests/pipes tests/sendfile tests/tls
FAULTS_SEEDS ?= 1 2
.PHONY: faults
faults: $(FAULTS)/.built $(VENV)/.test ## Run a part of the Python tests while system calls are interrupted, refused, cut short, and fail
	PYTHONPATH="$(CURDIR)/$(FAULTS)" $(IN)/python -m pytest tests/faults/test_system_calls.py $(PYTEST_ARGS)
	for seed in $(FAULTS_SEEDS); do \
	  PYTHONPATH="$(CURDIR)/$(FAULTS)" RIATA_TEST_LOOPS=riata $(IN)/python -m pytest -q -p tests.faults.plugin \
	    --faults rate=0.3,kinds=harmless --faults-seed $$seed -m "not slow" $(FAULTS_TESTS) $(PYTEST_ARGS) || exit; \
	done

$(FAULTS)/.built: $(VENV)/.ready $(SOURCES) $(shell find python -name '*.py' 2>/dev/null)
	rm -rf $(FAULTS)
	CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 PATH="$(CURDIR)/$(IN):$$PATH" \
	  $(IN)/maturin build --release --quiet --features faults --out $(FAULTS)/wheel --interpreter $(IN)/python
	$(IN)/python -m pip install --quiet --no-deps --target $(FAULTS) $(FAULTS)/wheel/*.whl
	@touch $@

.PHONY: loom
loom: ## Check the concurrent parts of the engine under loom
	RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom cargo test --quiet --release -p riata_engine --lib

.PHONY: asan
asan: ## Run the engine's tests under AddressSanitizer (needs a nightly toolchain)
	RUSTFLAGS="-Zsanitizer=address" CARGO_TARGET_DIR=target/asan cargo +$(NIGHTLY) test --quiet \
	  --target "$$(rustc -vV | sed -n 's/^host: //p')" -p riata_engine -p riata_sim --lib --tests

.PHONY: fuzz
fuzz: ## Fuzz the engine's turn for a minute (needs a nightly toolchain and cargo-fuzz)
	cargo +$(NIGHTLY) fuzz run turn -- -max_total_time=60

.PHONY: bench
bench: build $(VENV)/.bench ## Compare with asyncio, uvloop, rloop, and libraries with primitives; writes benchmarks/runs and docs/performance.md (an hour)
	$(IN)/python benchmarks/run.py --bars --keep || [ $$? = 3 ] # 3: a bar was missed, which the page says
	$(IN)/python benchmarks/report.py $$(ls -t benchmarks/runs/*/*.json | head -n 1) --out docs/performance.md

.PHONY: bench-quick
bench-quick: build $(VENV)/.bench ## Compare single operations in three rounds: enough to see a change, not to publish
	$(IN)/python benchmarks/run.py --cases micro --rounds 3 --bars || [ $$? = 3 ]

.PHONY: compatibility
compatibility: build $(VENV)/.compatibility ## Probe asyncio, uvloop, rloop and riata; writes docs/compatibility.md (two minutes)
	$(IN)/python compatibility/run.py --out docs/compatibility.md

$(VENV)/.compatibility: $(VENV)/.ready compatibility/requirements.txt
	$(IN)/python -m pip install --quiet -r compatibility/requirements.txt
	@touch $@

$(VENV)/.bench: $(VENV)/.ready benchmarks/requirements.txt
	$(IN)/python -m pip install --quiet -r benchmarks/requirements.txt
	@touch $@

##@ The checker

RIATA_CHECK := target/checker/riata-check

.PHONY: check-build
check-build: ## Build the checker, target/checker/riata-check (ten minutes the first time, then seconds)
	cargo build --quiet --profile checker -p riata_cli

.PHONY: check-test
check-test: check-build ## Run the checker's tests, and compare its reference pages with its rules
	cargo test --quiet --profile checker $(CHECKER)
	python3 scripts/check_docs.py $(RIATA_CHECK) --check

.PHONY: check-docs
check-docs: check-build ## Write docs/reference/rules anew: a page for each rule of the checker
	python3 scripts/check_docs.py $(RIATA_CHECK)

.PHONY: check-wheel
check-wheel: $(VENV)/.ready ## Build the wheel of the checker, package riata-check, into dist/
	PATH="$(CURDIR)/$(IN):$$PATH" $(IN)/maturin build --quiet --manifest-path crates/riata_cli/Cargo.toml --out dist

CHECK_FUZZ_SECONDS ?= 60
.PHONY: check-fuzz
check-fuzz: ## Check and fix random changes of the rules' test files for a minute (CHECK_FUZZ_SECONDS=60): nothing panics, fixes parse
	RIATA_FUZZ_SECONDS=$(CHECK_FUZZ_SECONDS) cargo test --quiet --profile checker $(CHECKER) --test it fuzz -- --nocapture

.PHONY: check-bugs
check-bugs: check-build ## Count how many of the collected real bugs the checker finds (needs PyPI; BUGS_ARGS="--family race -v")
	python3 scripts/check_bugs.py $(RIATA_CHECK) $(BUGS_ARGS)

# The tools that the comparison is made with, in exact versions.
COMPARED := ruff==0.17.6 flake8-async==26.8.1 basedpyright==1.40.2 codehound==1.16.0
.PHONY: check-compare
check-compare: check-build ## Count what other tools find of what our rules find, into docs/reference/rules/compared.md (needs PyPI)
	python3 -m venv target/compared && target/compared/bin/python -m pip install --quiet $(COMPARED)
	python3 scripts/check_compare.py $(RIATA_CHECK) target/compared/bin

.PHONY: check-lint
check-lint: ## Run clippy on the checker's crates; `make lint` looks at the rest of them
	cargo clippy --quiet --profile checker $(CHECKER) --all-targets -- -D warnings

##@ Check

.PHONY: lint
lint: lint-rust lint-python types notices-check ## Run every linter and type checker; changes nothing

.PHONY: lint-rust
lint-rust: $(VENV)/.ready
	cargo fmt --all --check
	PYO3_PYTHON="$(CURDIR)/$(IN)/python" cargo clippy --quiet $(RUNTIME) --all-targets -- -D warnings

.PHONY: lint-python
lint-python: $(VENV)/.lint
	$(IN)/ruff check .
	$(IN)/ruff format --check .

.PHONY: types
types: build $(VENV)/.lint ## Check the types: mypy, the stub against the module, pyright
	$(IN)/mypy
	$(IN)/mypy --python-version 3.14
	$(IN)/python -m mypy.stubtest riata --ignore-missing-stub --allowlist tests/stubs/stubtest.txt
	$(IN)/basedpyright --pythonpath $(IN)/python
	PYTHONPATH=python $(IN)/basedpyright --pythonpath $(IN)/python --verifytypes riata --ignoreexternal

.PHONY: fix
fix: $(VENV)/.lint ## Format the code and apply the linters' safe fixes
	cargo fmt --all
	$(IN)/ruff check --fix .
	$(IN)/ruff format .

$(VENV)/.lint: $(VENV)/.ready scripts/lint-requirements.txt
	$(IN)/python -m pip install --quiet -r scripts/lint-requirements.txt
	@touch $@

.PHONY: notices
notices: ## Write the THIRD-PARTY-NOTICES of the extension and of the checker anew from Cargo.lock
	python3 scripts/notices.py

.PHONY: notices-check
notices-check:
	python3 scripts/notices.py --check

##@ Tidy

.PHONY: clean
clean: ## Remove what was built: virtual environments, target/, dist/
	rm -rf .venv* target dist python/riata/*.so
