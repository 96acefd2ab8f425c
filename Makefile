# The words a person types. Everything real is in CMakeLists.txt and scripts/.
.PHONY: all demo test test-long bench lint format docs clean setup asan tsan fuzz

all: build/build.ninja
	@cmake --build build --target reprise
build/build.ninja:
	@cmake --preset release

setup: ; @scripts/setup
demo: setup all ; @build/reprise demo $(ARGS)
test: setup ; @scripts/test
test-long: setup ; @scripts/test-long
bench: ; @scripts/setup bench && scripts/bench
lint: ; @scripts/setup lint && scripts/lint
format: ; @scripts/setup lint; @git ls-files 'src/*.[ch]' 'tests/*.[ch]' | xargs clang-format -i
docs: all ; @scripts/docs
asan tsan fuzz: ; @cmake --preset $@ >/dev/null && cmake --build build-$@
clean: ; @rm -rf build build-*
