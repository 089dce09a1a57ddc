"""The typed stubs say what the native part has."""

import ast
import inspect
from pathlib import Path
from typing import Any

import pytest

from syncline import _syncline

STUB = ast.parse((Path(_syncline.__file__).parent / "_syncline.pyi").read_text())
IMPLIED = {"__new__", "__buffer__", "__getitem__", "__eq__", "__hash__", "__iter__", "__len__", "__enter__", "__exit__"}


def stub_classes() -> dict[str, ast.ClassDef]:
    return {node.name: node for node in STUB.body if isinstance(node, ast.ClassDef)}


def parameters(function: ast.FunctionDef) -> list[tuple[str, Any]]:
    """Names with defaults, as the stub has them; `inspect.Parameter.empty` for none."""
    names = [argument.arg for argument in [*function.args.posonlyargs, *function.args.args]]
    given = [ast.literal_eval(default) for default in function.args.defaults]
    defaults = [inspect.Parameter.empty] * (len(names) - len(given)) + given
    return list(zip(names, defaults, strict=True))


def native_parameters(function: Any) -> list[tuple[str, Any]]:
    return [(parameter.name, parameter.default) for parameter in inspect.signature(function).parameters.values()]


def public(names: Any) -> set[str]:
    return {name for name in names if not name.startswith("_")}


def test_the_module_has_what_the_stub_has() -> None:
    functions = {node.name for node in STUB.body if isinstance(node, ast.FunctionDef)}
    constants = {
        node.target.id for node in STUB.body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    assert public(vars(_syncline)) == functions | constants | set(stub_classes())


@pytest.mark.parametrize("name", sorted(stub_classes()))
def test_a_class_has_what_the_stub_has(name: str) -> None:
    native = getattr(_syncline, name)
    members = [node for node in stub_classes()[name].body if isinstance(node, ast.FunctionDef)]
    assert public(vars(native)) == public(node.name for node in members)
    for node in members:
        if node.name.startswith("_"):
            assert node.name in IMPLIED
            assert hasattr(native, node.name) or node.name == "__buffer__"
        elif any(isinstance(mark, ast.Name) and mark.id == "property" for mark in node.decorator_list):
            assert inspect.isdatadescriptor(getattr(native, node.name))
        else:
            assert parameters(node) == native_parameters(getattr(native, node.name)), node.name


def test_functions_and_constructors_have_the_parameters_of_the_stub() -> None:
    for node in STUB.body:
        if isinstance(node, ast.FunctionDef):
            assert parameters(node) == native_parameters(getattr(_syncline, node.name)), node.name
    for name, stub in stub_classes().items():
        made = [node for node in stub.body if isinstance(node, ast.FunctionDef) and node.name == "__new__"]
        assert parameters(made[0])[1:] == native_parameters(getattr(_syncline, name)), name


def test_everything_native_is_documented() -> None:
    for name in stub_classes():
        native = getattr(_syncline, name)
        assert native.__doc__
        for member in public(vars(native)):
            assert getattr(native, member).__doc__ or name == "Timestamp", f"{name}.{member}"
