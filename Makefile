# Needs only python3 (3.11 or newer) and make: the rest is installed into .venv, without root.
PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin/python
WHEEL_VENV := build/wheel-venv
TORCH_VENV := build/torch-venv
# Another version of PyTorch: `make test-torch TORCH=torch==2.13.0`. Like everything here it comes from
# where pip is configured to look.
TORCH ?= torch
# Two processes for the tests, each with whole files, and 4 GB of memory for each; `make test WORKERS=`
# runs all of them in one.
WORKERS ?= --numprocesses 2 --dist loadfile
# What depends on Keras' backend.
BACKEND_TESTS := tests/test_layers.py tests/test_online.py tests/test_online_sampling.py tests/test_per_class.py tests/test_schedule.py tests/test_compare.py tests/test_any_size.py tests/test_generators.py tests/test_layer_targets.py tests/test_layers_mixing.py tests/contracts/test_every_tensor.py
# What makes the example short; `make example EXAMPLE=` trains the full 25 epochs.
EXAMPLE ?= --protocol clean --epochs 6 --steps-per-epoch 150
# Some only: `make coverage TESTS=tests/test_splits.py`, `make mutants MUTANTS='kaug.splits.*'`,
# `make release-check RELEASE='--tests tests/test_splits.py'`.
TESTS ?=
MUTANTS ?=
RELEASE ?=
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help venv data test test-jax test-torch test-integrations coverage mutants lint typecheck \
	docs example gain wheel release-check clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

venv: $(VENV)/.installed ## Make the virtual environment and install kaug into it

data: ## Find Fashion-MNIST on this machine, or fetch it (30 MB)
	$(PYTHON) tools/fetch_fashion_mnist.py

test: $(VENV)/.installed-tests data ## Run the tests and the doctests
	$(RUN) -m pytest $(WORKERS)

test-jax: $(VENV)/.installed-tests data ## Run the tests of layers, datasets and generators under JAX
	KERAS_BACKEND=jax JAX_PLATFORMS=cpu $(RUN) -m pytest $(WORKERS) $(BACKEND_TESTS)

test-torch: data ## Run the same under PyTorch, in an environment of its own
	$(PYTHON) tools/make_venv.py $(TORCH_VENV)
	$(TORCH_VENV)/bin/python -m pip install "$(TORCH)" --editable ".[tests]"
	KERAS_BACKEND=torch $(TORCH_VENV)/bin/python -m pytest $(WORKERS) $(BACKEND_TESTS)

test-integrations: $(VENV)/.installed-tests $(VENV)/.installed-ray $(VENV)/.installed-grain ## Run the tests that need Ray and Grain, which this installs
	$(RUN) -m pytest tests/integrations

coverage: $(VENV)/.installed-coverage data ## Run the tests and measure which lines and branches they reach
	$(RUN) -m coverage erase
	$(RUN) -m coverage run -m pytest $(TESTS)
	$(RUN) -m coverage combine --quiet
	$(RUN) -m coverage report

mutants: $(VENV)/.installed-mutants data ## Break the code in small ways, and list what no test notices
	$(RUN) -m mutmut run $(MUTANTS)
	$(RUN) -m mutmut results

lint: $(VENV)/.installed-lint ## Check style and formatting
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

typecheck: $(VENV)/.installed-lint ## Check the types
	$(RUN) -m mypy

docs: $(VENV)/.installed-docs data ## Build the documentation into docs/_build/html
	$(RUN) -m sphinx -n -W docs docs/_build/html
	$(RUN) tools/check_links.py docs/_build/html

example: $(VENV)/.installed data ## The Fashion-MNIST example, its training cut short
	$(RUN) examples/fashion_mnist.py $(EXAMPLE)

gain: $(VENV)/.installed data ## What augmentation gives with few pictures: a short run, some five minutes
	$(RUN) examples/few_pictures.py

wheel: $(VENV)/.installed-dev ## Build sdist and wheel into dist, try the wheel in a clean environment
	rm -rf dist $(WHEEL_VENV)
	$(RUN) -m build
	$(PYTHON) tools/make_venv.py $(WHEEL_VENV)
	$(WHEEL_VENV)/bin/python -m pip install dist/*.whl
	cd / && "$(CURDIR)/$(WHEEL_VENV)/bin/python" -I -c "$$WHEEL_TEST"

release-check: $(VENV)/.installed-dev $(VENV)/.installed-release data ## Check that this checkout can be released
	$(RUN) tools/release_check.py $(RELEASE)

clean: ## Remove what make made (examples/output stays)
	rm -rf $(VENV) build dist docs/_build docs/figures docs/gallery docs/reference/generated mutants .coverage*
	rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache

# The installs run again only when the project's metadata (or the script) has changed.
$(VENV)/.installed: pyproject.toml tools/make_venv.py
	$(PYTHON) tools/make_venv.py $(VENV)
	$(RUN) -m pip install --editable .
	touch $@

$(VENV)/.installed-%: $(VENV)/.installed
	$(RUN) -m pip install --editable ".[$*]"
	touch $@

# Runs from outside the checkout, so only what the wheel holds can be found.
define WHEEL_TEST
import importlib.metadata, pathlib, sys
import kaug
loaded = {"tensorflow", "keras", "matplotlib"} & set(sys.modules)
assert not loaded, f"import kaug loads {loaded}"
assert "site-packages" in kaug.__file__, kaug.__file__
assert kaug.__version__ == importlib.metadata.version("kaug"), kaug.__version__
assert pathlib.Path(kaug.__file__).with_name("py.typed").is_file(), "py.typed is not in the wheel"
import numpy as np
x = np.arange(30, dtype="uint8").reshape(2, 3, 5)
big, rows = kaug.augment_dataset(x, np.arange(2), 3, lambda images: images[:, ::-1], seed=0)
assert big.shape == (5, 3, 5), big.shape
assert np.array_equal(big[2:], x[rows[2:], ::-1]), "labels and images do not match"
print(f"kaug {kaug.__version__}: the wheel works")
endef
export WHEEL_TEST
