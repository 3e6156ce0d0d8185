# The front door. Every target is one line into the host tool, tools/nacre; `target/release/nacre help` has the rest.
MAKEFLAGS += --no-print-directory
NACRE := tools/nacre/start
# What is passed on: make run ARGS='--cpus 4', make test ARGS='--filter pipe'
ARGS ?=

help: ## Say what there is (this text)
	@echo 'Nacre: a small memory-safe kernel for static AArch64 Linux programs.'; echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-20s %s\n", $$1, $$2 }'
	@echo; echo "More for each: ARGS='...', say make run ARGS='--cpus 4 --mem 64M'; target/release/nacre help tells all."

run: ## Boot to a busybox shell (gets and builds what is missing; exit or Ctrl-A x ends it)
	@$(NACRE) run $(ARGS)

image: ## Build target/nacre/Image and target/nacre/initramfs.cpio.gz
	@$(NACRE) image $(ARGS)

third-party: ## Build the upstream programs into target/third_party/bin
	@$(NACRE) third-party $(ARGS)

test: ## Run every test, on the host and in the guest; the last line counts them
	@$(NACRE) test $(ARGS)

wayland: ## Boot with a display and a Wayland client on it: a PNG of the screen, or a window with GUI=1
	@$(NACRE) wayland $(if $(GUI),--gui) $(ARGS)

wayland-test: ## Run the tests with a display: pictures, input, clients that die, Wayland's own
	@$(NACRE) test --no-host --filter wayland $(ARGS)

tour: ## Boot and show each promise of the checklist once: PASS, FAIL, or LATER with the reason
	@$(NACRE) tour $(ARGS)

test-linux: ## Run the guest's tests on Debian's Linux 6.12, the oracle
	@$(NACRE) test --no-host --kernel linux $(ARGS)

bench: ## Measure Linux and Nacre in the same emulator; a table with the ratio a row
	@$(NACRE) bench $(ARGS)

soak: ## Run the guest's tests ten times over on eight processors
	@$(NACRE) test --no-host --cpus 8 --repeat 10 $(ARGS)

fuzz: ## Run each fuzz target for ten minutes (ARGS='--seconds 60' for less)
	@$(NACRE) fuzz $(ARGS)

check: ## Warnings are errors: format, clippy for host and kernel, documentation, the page of system calls
	@$(NACRE) check $(ARGS)

docs: ## Write docs/syscalls.md anew, from the kernel's table and the tests
	@$(NACRE) docs $(ARGS)

doctor: ## Say what this machine lacks; ARGS=--install gets it
	@$(NACRE) doctor $(ARGS)

clean: ## Remove what was built; upstream programs stay (distclean removes them too)
	@rm -rf target/nacre target/testbins target/bench target/debug target/release target/aarch64-unknown-*

distclean: ## Remove everything that was built or fetched
	@rm -rf target

.DEFAULT_GOAL := help
.PHONY: help run image third-party test tour wayland wayland-test test-linux bench soak fuzz check docs doctor clean distclean
