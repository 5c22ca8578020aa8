"""One tree of exceptions, with the texts of the library: what, where, expected, got, and a hint."""


class Error(ValueError):
    """Something that this library refused."""


class ArgumentError(Error):
    """An argument that cannot be used."""


class UnknownNameError(Error):
    """A name that is not known; the text has the nearest one."""


class KeywordError(UnknownNameError, TypeError):
    """A keyword argument that a function does not have; the text has the nearest one. It is a ``TypeError`` too, as for any function."""


class FormatError(Error):
    """A document that breaks its format."""


class ShapeError(Error):
    """A shape, dtype or device that does not fit."""


class SingularError(Error):
    """A quantity that has no finite value here."""


class ModelError(Error):
    """A model that failed."""


for _error in (Error, ArgumentError, UnknownNameError, KeywordError, FormatError, ShapeError, SingularError, ModelError):
    # Tracebacks name what users catch.
    _error.__module__ = "langevin"
