# make report: set up .venv, run a study, say where its page is.   make test: set up, run the tests.
# make torch: the tests of what is private in torch, with its oldest and newest allowed versions.
# make bench: set up, run the benchmarks, write their tables into docs/why/performance.md.
PYTHON ?= python3
CONFIG ?= config/default.yaml
CORES ?= all
BIN := .venv/bin
READY := .venv/.ready

.PHONY: report test torch bench examples lint format lock schema clean

report: $(READY)
	@PATH="$(CURDIR)/$(BIN):$$PATH" snakemake --cores $(CORES) --configfile $(CONFIG)

test: $(READY)
	$(BIN)/python -m pytest

# What is asked of torch beyond its documents, with the oldest that is allowed and with the newest (gigabytes each).
torch: $(READY)
	for version in "==$$(sed -n 's/.*"torch>=\([0-9.]*\)".*/\1/p' pyproject.toml)" ""; do \
		PYTHONPATH=$(CURDIR) $(BIN)/uv run --quiet --no-project --isolated --refresh-package torch --python $(BIN)/python \
			--with "torch$$version" --with numpy --with psutil --with pytest \
			python -m pytest --noconftest -o addopts= -q tests/training/test_torch_private.py || exit; \
	done

bench: $(READY)
	$(BIN)/python benchmarks/run.py $(ONLY)

# The sample page, its pictures and the numbers that the documentation quotes, all of the commit that is checked out.
examples: $(READY)
	$(BIN)/python benchmarks/examples.py $(ONLY)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow
	PATH="$(CURDIR)/$(BIN):$$PATH" snakemake --lint

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow

# The environment: everything pinned and hashed in requirements.lock, then the package itself, editable.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "optbench needs Python >= 3.11 (make PYTHON=...)")'
	@echo "optbench: setting up .venv: once, some minutes, about 7 GB with torch and the tests' tools"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --python $(BIN)/python --compile-bytecode -r requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

# Pins anew what pyproject.toml allows.
lock:
	$(BIN)/uv pip compile --quiet --universal --upgrade --generate-hashes --no-emit-index-url --no-header \
		--extra dev pyproject.toml -o requirements.lock

# The schema that editors check study files against.
schema: $(READY)
	$(BIN)/python -m optbench.study.file > workflow/schemas/study.schema.json

clean:
	rm -rf .venv .snakemake results reports/*/ data logs
