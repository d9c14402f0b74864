# SPDX-License-Identifier: Apache-2.0
# A thin front: CMake builds, scripts/ does the rest. `make demo` and `make test` are the two to know.
.POSIX:
.PHONY: build demo test test-long bench install format clean

PREFIX = /usr/local

build:
	@scripts/build.sh release

demo:
	@scripts/demo.sh

test:
	@scripts/test.sh

test-long:
	@scripts/test.sh --long

bench:
	@scripts/bench.sh

install: build
	@cmake --install build/release --prefix "$(PREFIX)"

format:
	@git ls-files '*.c' '*.h' ':!tests/lint/bad' | xargs clang-format -i

clean:
	@rm -rf build
