# SPDX-License-Identifier: GPL-2.0-or-later
#
# Two words for people: "make run" and "make check".  The work is done by
# ./configure, ninja and dev/test.

.PHONY: all run check check-long install help configured clean distclean
.DEFAULT_GOAL := all

configured:
	@./configure --reuse

all: configured
	@ninja --quiet -C build

run: configured
	@dev/build run
	@tests/lab/run --narrate main
	@mkdir -p build/run && cp build/lab/main/timeline.svg build/run/
	@echo 'the same as a chart: build/run/timeline.svg'

check: all
	@dev/test

check-long: all
	@dev/test --long

install: all
	@ninja --quiet -C build install

clean:
	rm -rf build/qemu build/qemu-debug build/linux build/linux-debug build/debug build/headers build/selftests build/lab build/run

distclean:
	@echo 'build/ holds your work in build/src as well; remove it by hand: rm -rf build'

help:
	@echo 'make run         build what is missing, then show the main scenario of the lab'
	@echo 'make check       style, unit tests, qtests, mutants and the lab; half an hour to an hour on 2 cores once built'
	@echo 'make check-long  the same, with all of QEMU'"'"'s x86 qtests, every patch built alone, lab benchmarks and soak, sanitizers; hours'
	@echo 'make             build only: build/qemu-system-x86_64, build/bzImage, build/bzImage-guest'
	@echo 'make install     install QEMU below the prefix given to ./configure (DESTDIR= works)'
	@echo 'make clean       remove what was built, keep the sources in build/src'
	@echo './configure --help   options: sources, cache, QEMU only, debug, sanitizers'
	@echo 'tests/lab/run --help the lab: list, run one case, shell into it'
	@echo 'dev/check --help     the gates that every commit passes'
