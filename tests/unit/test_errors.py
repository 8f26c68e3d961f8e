"""The trees of exceptions, as the docstrings of their modules draw them, are whole."""

import re
from types import ModuleType

import pytest

import app.core.errors
import model.errors
import touchline.client.errors

MODULES = (app.core.errors, model.errors, touchline.client.errors)


@pytest.mark.parametrize("module", MODULES, ids=lambda one: str(one.__name__))
def test_every_exception_of_a_module_is_in_its_tree(module: ModuleType) -> None:
    defined = {
        name
        for name, one in vars(module).items()
        if isinstance(one, type)
        and issubclass(one, Exception)
        and one.__module__ == module.__name__
    }

    drawn = set(re.findall(r"\w+", module.__doc__ or ""))
    assert defined
    assert defined - drawn == set()
