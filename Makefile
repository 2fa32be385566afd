# `make serve` runs the provider on http://localhost:6543; `make test` checks and tests everything.

PYTHON ?= python3
BIN = .venv/bin
CATALOGUES = $(wildcard oidcserver/locale/*/LC_MESSAGES/oidcserver.po)

.PHONY: serve test docs catalogues interoperability races bench bench-quick bench-paired bench-growth lock clean

serve: .venv/serve
	$(BIN)/pserve development.ini

test: .venv/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not interoperability" $(PYTEST)

# The documentation, as pages in build/docs; a warning is an error.
docs: .venv/docs
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going --fresh-env docs build/docs
	@echo "Open build/docs/index.html."

# The sentences of templates and modules into the catalogues, to be translated there. A catalogue of
# another language begins as an empty oidcserver/locale/LANGUAGE/LC_MESSAGES/oidcserver.po.
catalogues: .venv/test
	mkdir -p build
	$(BIN)/pybabel --quiet extract --mapping-file pyproject.toml --keyword Counted:1,2 \
		--add-comments Translators: --strip-comments --sort-by-file --add-location file \
		--project oidcserver --copyright-holder "The oidcserver authors" \
		--output-file build/oidcserver.pot oidcserver
	for catalogue in $(CATALOGUES); do $(BIN)/pybabel --quiet update --input-file build/oidcserver.pot \
		--output-file $$catalogue --locale $$(basename $${catalogue%/LC_MESSAGES/*}) \
		--ignore-obsolete --no-fuzzy-matching --ignore-pot-creation-date; done

# Other people's relying parties, built from their registries into .cache: Go, Rust and others.
interoperability: .venv/test
	$(BIN)/python -m pytest -n auto --dist loadfile -m interoperability --timeout 1200 tests/interoperability $(PYTEST)

# The races of the test suite at their full counts.
races: .venv/test
	RACES=full $(BIN)/python -m pytest -m races --timeout 3600 $(PYTEST)

# This provider and its peers, side by side: docs/performance.md. It takes more than an hour, needs
# Debian's wrk, postgresql and nodejs, and nothing else running on the machine. Ory Hydra is built
# where Go is installed, Keycloak where Java and Maven are.
bench: .venv/bench
	cd benchmarks && .venv/bin/python bench.py --output ../docs

# A million rows, pruning, password logins and a second process; about ten minutes.
bench-growth: .venv/bench
	cd benchmarks && .venv/bin/python growth.py

# One short round, for the direction.
bench-quick: .venv/bench
	cd benchmarks && .venv/bin/python bench.py --quick

# The working tree and an older commit, taking turns: make bench-paired BEFORE=main~20
bench-paired: .venv/bench
	cd benchmarks && .venv/bin/python paired.py $(BEFORE) $(PAIRED)

# Renew constraints.txt from the ranges in setup.py. Take the oldest Python that they allow, as in
# `make lock PYTHON=python3.11`: a newer one pins versions that the oldest cannot install.
lock:
	rm -rf .venv-lock
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/pip install --quiet --editable '.[docs,ldap,test]'
	echo '# The packages that make serve, make test and make docs install. Renew: make lock PYTHON=the oldest Python' > constraints.txt
	.venv-lock/bin/pip freeze --exclude-editable >> constraints.txt
	rm -rf .venv-lock

clean:
	rm -rf .venv .cache build/docs

# python-ldap is compiled, which takes the headers of OpenLDAP.
COMMA = ,
.venv/test: EXTRAS = [test$(if $(wildcard /usr/include/ldap.h),$(COMMA)ldap)]
.venv/docs: EXTRAS = [docs]
# The installation compiles the catalogues.
.venv/serve .venv/test .venv/docs: setup.py constraints.txt $(CATALOGUES) | $(BIN)/pip
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.$(EXTRAS)'
	touch $@

.venv/bench: setup.py benchmarks/requirements.txt benchmarks/peers/node/package-lock.json | $(BIN)/pip
	$(PYTHON) -m venv benchmarks/.venv
	benchmarks/.venv/bin/pip install --quiet --requirement benchmarks/requirements.txt \
		--editable '.[postgresql]'
	npm ci --prefix benchmarks/peers/node --ignore-scripts --no-audit --no-fund
	touch $@

$(BIN)/pip:
	$(PYTHON) -m venv .venv
