"""The start-up hook of `riata run`: puts riata behind asyncio and uvloop once the program imports them.

`riata run` sets PYTHONPATH to this folder, so every Python that the program starts reads this file, other versions
and other environments too: hence the old syntax, and no import of riata before asyncio is there. In an interpreter
that it is not meant for it does nothing but make way for the `sitecustomize` that it hides.
"""

import os
import sys


class _WhenImported(object):
    """A finder that lets the others find, and calls `actions[name](module)` once the module `name` is imported."""

    def __init__(self, actions):
        self.actions = actions

    def find_spec(self, name, path=None, target=None):
        if name not in self.actions:
            return None
        for finder in sys.meta_path:
            if finder is not self and hasattr(finder, "find_spec"):
                spec = finder.find_spec(name, path, target)
                if spec is not None:
                    spec.loader = _Loader(spec.loader, self.actions[name])
                    return spec
        return None


class _Loader(object):
    """The module's own loader, which is put back before the action is called."""

    def __init__(self, loader, action):
        self.loader = loader
        self.action = action

    def __getattr__(self, name):
        return getattr(self.loader, name)

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        module.__spec__.loader = module.__loader__ = self.loader
        self.loader.exec_module(module)
        self.action(module)


def _call(name):
    def action(module):
        try:
            import riata.takeover
        except ModuleNotFoundError as error:
            if error.name == "riata.takeover":
                hider = getattr(sys.modules["riata"], "__file__", None)
                error = ImportError("`riata run` needs the package riata, which %s hides: rename it" % hider)
                error.__suppress_context__ = True  # `from None`
                raise error
            if error.name != "riata":
                raise
            # riata was imported from a folder that is not on the path here, such as the current one
            sys.path.append(os.path.dirname(os.path.dirname(_here)))
            import riata.takeover
        getattr(riata.takeover, name)(module)

    return action


def _chain():
    """Import the `sitecustomize` that this one hides, if there is one, under its own name."""
    ours = sys.modules.pop("sitecustomize")
    try:
        import sitecustomize  # type: ignore # noqa: F401
    except ImportError as error:
        if getattr(error, "name", "sitecustomize") != "sitecustomize":
            raise
    finally:
        sys.modules.setdefault("sitecustomize", ours)


_here = os.path.dirname(os.path.abspath(__file__))
if __name__ == "sitecustomize":
    sys.path[:] = [entry for entry in sys.path if entry != _here]
    if os.environ.get("RIATA_RUN") == sys.prefix + "|%d.%d" % sys.version_info[:2]:
        _actions = {"asyncio": _call("asyncio_imported"), "uvloop": _call("uvloop_imported")}
        sys.meta_path.insert(0, _WhenImported(_actions))
        for _name in ("asyncio", "uvloop"):
            if _name in sys.modules:  # a .pth file of site-packages was first
                _actions[_name](sys.modules[_name])
    _chain()
