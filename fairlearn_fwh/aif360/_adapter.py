"""One estimator of this package behind another library's way of calling: its parameters, its documentation, its fit."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from copy import deepcopy
from types import SimpleNamespace
from typing import Any, ClassVar

from sklearn.base import BaseEstimator

from .._methods import ADAPTED, Kind, Method

#: Name and text of a parameter that an adapter adds, as in a docstring.
Texts = dict[str, str]

_KEYWORD, _POSITIONAL = inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD


class Adapter(BaseEstimator):
    """Base of adapters: the constructor has the parameters of the adapted estimator and some of its own; `make_adapter` makes the classes."""

    _method: ClassVar[Method]
    _estimator_class: ClassVar[type]
    #: Parameters that come before those of the estimator and may be given by position, with their texts.
    _positional: ClassVar[Texts] = {}
    #: Parameters that come after `estimator`, keyword-only, with their defaults and texts.
    _defaults: ClassVar[dict[str, Any]] = {}
    _keywords: ClassVar[Texts] = {}
    #: What is asked of protected attributes, for the docstring.
    _note: ClassVar[str] = "Protected attributes are not needed, so that none are asked for."
    #: Attributes of the fitted adapter, and how it is used, for the docstring.
    _attributes: ClassVar[str] = ""
    _example: ClassVar[str] = ""

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        if "_method" in vars(cls):
            cls.__init__ = _constructor(cls)  # type: ignore[method-assign]
            cls.__doc__ = _docstring(cls)

    def _adapted_parameters(self) -> dict[str, Any]:
        """Values of the parameters that are the estimator's."""
        return {name: getattr(self, name) for name in _parameters(self._estimator_class)}

    def _own_parameters(self) -> SimpleNamespace:
        """Values of the parameters that the adapter adds, as they are now; a fit goes on with those that it was made with."""
        return SimpleNamespace(**{name: getattr(self, name) for name in (*self._positional, *self._defaults)})

    def _make_estimator(self, parameters: dict[str, Any]) -> Any:
        """Make the estimator; with `warm_start` a copy of the fitted one, which goes on from where it is."""
        if parameters.get("warm_start") and hasattr(self, "estimator_"):
            return deepcopy(self.estimator_).set_params(**parameters)
        return self._estimator_class(**parameters)


def make_adapter(name: str, bases: Mapping[Kind, type[Adapter]], module: str) -> type[Adapter]:
    """Make the adapter of a method.

    Parameters
    ----------
    name : str
        Of the adapter.
    bases : dict from Kind to class
    module : str
        From which users import the adapter, and pickle finds it.

    Returns
    -------
    class
    """
    method = ADAPTED[name]
    namespace = {"__module__": module, "_method": method, "_estimator_class": method.load()}
    return type(name, (bases[method.kind],), namespace)


def _parameters(estimator_class: type) -> dict[str, inspect.Parameter]:
    signature = inspect.signature(estimator_class.__init__)  # type: ignore[misc]
    return dict(list(signature.parameters.items())[1:])


def _signature(cls: type[Adapter]) -> inspect.Signature:
    adapted = _parameters(cls._estimator_class)
    by_position = dict.fromkeys(cls._positional) | {
        name: p.default for name, p in adapted.items() if p.kind is _POSITIONAL
    }
    by_keyword = {name: p.default for name, p in adapted.items() if p.kind is _KEYWORD} | cls._defaults
    return inspect.Signature(
        [
            inspect.Parameter("self", _POSITIONAL),
            *(inspect.Parameter(name, _POSITIONAL, default=value) for name, value in by_position.items()),
            *(inspect.Parameter(name, _KEYWORD, default=value) for name, value in by_keyword.items()),
        ]
    )


def _constructor(cls: type[Adapter]) -> Any:
    signature = _signature(cls)

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        try:
            bound = signature.bind(self, *args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{cls.__name__}: {error}.") from None
        bound.apply_defaults()
        for name, value in list(bound.arguments.items())[1:]:
            setattr(self, name, value)

    __init__.__signature__ = signature  # type: ignore[attr-defined]
    __init__.__qualname__ = f"{cls.__qualname__}.__init__"
    __init__.__module__ = cls.__module__
    return __init__


def _docstring(cls: type[Adapter]) -> str:
    """Put the estimator's documentation of its parameters under the first line of the adapter."""
    adapted = _sections(inspect.getdoc(cls._estimator_class) or "")
    method = cls._method
    arguments = ", ".join(f"{name}={value!r}" for name, value in method.example.items())
    example = cls._example.format(name=cls.__name__, arguments=arguments)
    parts = [
        method.summary,
        *([cls._note] if cls._note else []),
        f"It adapts `fairlearn_fwh.{method.room}.{method.name}`, which see.",
        _section(
            "Parameters",
            "\n".join(
                [
                    *map(_entry, cls._positional.items()),
                    adapted["Parameters"],
                    *map(_entry, cls._keywords.items()),
                ]
            ),
        ),
        _section("Attributes", inspect.cleandoc(cls._attributes)),
        *(_section(name, adapted[name]) for name in ("References",) if name in adapted),
        _section("Examples", inspect.cleandoc(example)),
    ]
    return "\n\n".join(parts) + "\n"


def _entry(item: tuple[str, str]) -> str:
    name, text = item
    kind, _, meaning = inspect.cleandoc(text).partition("\n")
    return f"{name} : {kind}\n" + "\n".join(f"    {line}" for line in meaning.splitlines())


def _section(title: str, body: str) -> str:
    return f"{title}\n{'-' * len(title)}\n{body}"


def _sections(doc: str) -> dict[str, str]:
    """Split a numpydoc docstring at its headings."""
    parts = re.split(r"^(\w[\w ]*)\n-{3,}\n", doc, flags=re.MULTILINE)
    return {title: body.rstrip() for title, body in zip(parts[1::2], parts[2::2], strict=True)}
