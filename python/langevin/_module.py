"""Adapter from a torch module to a model."""


def of_module(module):
    """Return a torch module as a function of ``(x, query)``.

    A module whose second argument is named ``query`` is returned unchanged. Any other module is
    called with a time for each row, and ``.sample`` or the first entry of a tuple is taken.

    Parameters
    ----------
    module : torch.nn.Module
        The module.

    Returns
    -------
    callable
        The model.
    """
    import inspect

    try:
        parameters = [one for one in inspect.signature(module.forward).parameters.values() if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    except (TypeError, ValueError):
        parameters = []
    if len(parameters) > 1 and parameters[1].name == "query":
        return module

    def call(x, query):
        out = module(x, query.time_like(x))
        if isinstance(out, tuple):
            return out[0]
        return getattr(out, "sample", out)

    return call
