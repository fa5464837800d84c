"""From names to code: what each name of the project's source stands for, across its modules.

Works on source alone; what only a running object can say (closures, notebooks) is asked of
`add_value`, which the class for objects provides.
"""

from __future__ import annotations

import _ast as ast
import builtins
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from msgspec.structs import replace

from fairlead.engine.lineage_index import Import, Module
from fairlead.engine.lineage_modules import Found, find, loaded
from fairlead.engine.lineage_names import Reading, Use, read
from fairlead.engine.packages import distribution
from fairlead.model.hashing import blake2b
from fairlead.model.run import TaskCode

__all__ = ["Key", "Resolver", "Symbol", "digest_of"]

Key: TypeAlias = tuple[str, str]
"""A file and a name in it; the file is empty for objects that are known by identity."""

_WHOLE = "*"
_BUILTINS = frozenset(vars(builtins))
_MODULE_NAMES = frozenset(
    {"__name__", "__file__", "__doc__", "__path__", "__spec__", "__package__", "__loader__", "__builtins__"}
    | {"__annotations__", "__qualname__", "__module__", "__class__", "__debug__"}
)
_DYNAMIC = frozenset({("importlib", "import_module"), ("runpy", "run_path"), ("runpy", "run_module")})


class Symbol:
    """One piece of code, and what it needs directly."""

    __slots__ = ("called", "needs", "opaque", "packages", "symbols")

    def __init__(self) -> None:
        self.symbols: dict[str, str] = {}
        """Digests by name: its own, and those of values that stand in it."""
        self.needs: dict[Key, None] = {}
        self.packages: dict[str, str] = {}
        self.opaque: dict[str, None] = {}
        self.called: list[str] = []
        """What it is given and calls; said of a task only, whose caller nobody knows."""


class Resolver:
    """Follows names through the project; what it found is kept for its lifetime, one analysis."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._found: dict[str, Module | Found] = {}
        self._labels: dict[str, str] = {}
        self._modules: dict[str, Module] = {}
        self._symbols: dict[Key, Symbol] = {}
        self._trail: set[tuple[str, str]] = set()

    # --- whole answers ---

    def closure(self, start: Iterable[Key]) -> TaskCode:
        """Gather everything that is reached from these pieces of code."""
        symbols: dict[str, str] = {}
        packages: dict[str, str] = {}
        opaque: dict[str, None] = {}
        todo = list(start)
        roots = set(todo)
        seen = set(roots)
        while todo:
            key = todo.pop()
            symbol = self.symbol(key)
            for label, digest in symbol.symbols.items():
                known = symbols.setdefault(label, digest)
                if known != digest:  # two lambdas of one function: both count
                    symbols[label] = digest_of(sorted((known, digest)))
            packages.update(symbol.packages)
            opaque.update(symbol.opaque)
            if key in roots:
                opaque.update(dict.fromkeys(symbol.called))
            todo.extend(need for need in symbol.needs if need not in seen)
            seen.update(symbol.needs)
        return task_code(symbols, packages, opaque)

    def symbol(self, key: Key) -> Symbol:
        """Give a piece of code, worked out once."""
        symbol = self._symbols.get(key)
        if symbol is None:
            symbol = self._symbols[key] = Symbol()
            file, name = key
            if not file:
                self.fill_object(name, symbol)
            elif name == _WHOLE:
                self._fill_whole(self._modules[file], symbol)
            else:
                self._fill(self._modules[file], name, symbol)
        return symbol

    def fill_object(self, name: str, out: Symbol) -> None:
        """Work out a piece of code that is known as an object."""
        raise NotImplementedError

    def add_value(self, value: Any, chain: tuple[str, ...], out: Symbol, words: str) -> None:
        """Add what a value of the running program stands for; `words` name it with its place."""
        raise NotImplementedError

    def add_live(self, module: Module, name: str, value: Any, out: Symbol) -> None:
        """Add what a name of a loaded module stands for beyond what its source says."""
        raise NotImplementedError

    def add_subclasses(self, module: Module, name: str, out: Symbol) -> None:
        """Add the classes of the project that are made from a loaded one."""
        raise NotImplementedError

    # --- places ---

    def label(self, module: Module) -> str:
        """Name a module's file from the project's folder; one outside of it, from its package."""
        label = self._labels.get(module.file)
        if label is None:
            path = Path(module.file)
            if path.is_relative_to(self.root):
                label = path.relative_to(self.root).as_posix()
            else:
                label = "/".join(path.parts[-(module.name.count(".") + 1 + module.package) :])
            self._labels[module.file] = label
        return label

    def find(self, name: str) -> Module | Found:
        """Find a module, once per analysis."""
        found = self._found.get(name)
        if found is None:
            found = self._found[name] = find(name)
            if isinstance(found, Module):
                self._modules[found.file] = found
        return found

    # --- one symbol ---

    def _fill(self, module: Module, name: str, out: Symbol) -> None:
        reading, digest = self._reading(module, name)
        label = self.label(module)
        out.symbols[f"{label}: {name}"] = digest
        out.called = [f"{argument!r}, a callable that is passed in, {label}:{at}" for argument, at in reading.called]
        for use in reading.uses:
            self.resolve(module, use, out)
        running = loaded(module.name)
        if running is not None and name in vars(running) and getattr(running, "__file__", None) == module.file:
            self.add_live(module, name, vars(running)[name], out)

    def _reading(self, module: Module, name: str) -> tuple[Reading, str]:
        known = module.readings.get(name)
        if known is None:
            nodes: list[ast.AST] = []
            for binding in module.bindings[name]:
                if binding.imported is None or binding.guards:
                    nodes.extend((*binding.guards, binding.node))
            reading = read(nodes, partial(self.is_ours, module))
            known = module.readings[name] = (reading, digest_of(reading.tokens))
        return known

    def _fill_whole(self, module: Module, out: Symbol) -> None:
        for name in module.bindings:
            self.resolve(module, Use(name, (), 0), out)
        for star in module.stars:
            self.walk(self.find(star.absolute(module.name, package=module.package)), (), out, module, Use("*", (), 0))

    # --- names ---

    def resolve(self, module: Module, use: Use, out: Symbol) -> None:
        """Add what a name at the top of a module, or imported by a function in it, stands for."""
        if use.imported is not None:
            self._follow(module, use.imported, use, out)
            return
        step = (module.file, use.name)
        if step in self._trail:  # two modules that import one name from each other
            return
        self._trail.add(step)
        try:
            bindings = module.bindings.get(use.name)
            if bindings is None:
                self._resolve_unbound(module, use, out)
                return
            for binding in bindings:
                if binding.imported is not None:
                    self._follow(module, binding.imported, use, out, optional=binding.optional)
            if any(binding.imported is None or binding.guards for binding in bindings):
                self._modules[module.file] = module
                out.needs[module.file, use.name] = None
                if "__subclasses__" in use.chain:
                    self.add_subclasses(module, use.name, out)
            if use.name in module.rebound:
                place = f"{self.label(module)}:{module.rebound[use.name]}"
                out.opaque[f"{use.name!r} is assigned inside a function, {place}"] = None
        finally:
            self._trail.discard(step)

    def _resolve_unbound(self, module: Module, use: Use, out: Symbol) -> None:
        for star in reversed(module.stars):
            found = self.find(star.absolute(module.name, package=module.package))
            if self._provides(found, use.name):
                self.walk(found, (use.name, *use.chain), out, module, use)
                return
        if use.name in _BUILTINS or use.name in _MODULE_NAMES:
            self.note_builtin(use, out, use.file or self.label(module))
            return
        if "__getattr__" in module.bindings:
            self.resolve(module, replace(use, name="__getattr__", chain=()), out)
            return
        running = loaded(module.name)
        if running is not None and use.name in vars(running):
            self.add_value(vars(running)[use.name], use.chain, out, f"{self.label(module)}: {use.name}")
        elif use.surely and use.line:
            place = f"{use.file or self.label(module)}:{use.line}"
            out.opaque[f"{use.name!r}, which nothing visible defines, {place}"] = None

    def _provides(self, found: Module | Found, name: str) -> bool:
        if isinstance(found, Module):
            if name in found.bindings:
                return not name.startswith("_")
            stars = (star.absolute(found.name, package=found.package) for star in found.stars)
            return any(self._provides(self.find(star), name) for star in stars if star != found.name)
        return name in vars(loaded(found.name) or object)

    def note_builtin(self, use: Use, out: Symbol, label: str) -> None:
        """Name the builtins that reach code by a value."""
        place = f"{label}:{use.line}"
        if use.name in ("exec", "eval"):
            out.opaque[f"{use.name}, {place}"] = None
        elif use.name == "globals":
            out.opaque[f"globals() by a computed name, {place}"] = None
        elif use.call == "computed":
            out.opaque[f"{use.name} by a computed name, {place}"] = None
        elif use.name == "__import__" and use.argument:
            self.walk(self.find(use.argument), (), out, None, use)

    def _follow(self, module: Module, imported: Import, use: Use, out: Symbol, *, optional: bool = False) -> None:
        name = imported.absolute(module.name, package=module.package)
        chain = (imported.attribute, *use.chain) if imported.attribute else use.chain
        self.walk(self.find(name), chain, out, module, use, optional=optional)

    def walk(
        self,
        found: Module | Found,
        chain: tuple[str, ...],
        out: Symbol,
        module: Module | None,
        use: Use,
        *,
        optional: bool = False,
    ) -> None:
        """Add what `found.a.b` stands for; `module` and `use` say where that is written."""
        if not isinstance(found, Module):
            self._outside(found, chain, out, module, use, optional=optional)
        elif not chain:
            self._modules[found.file] = found
            out.needs[found.file, _WHOLE] = None
        elif chain[0] not in found.bindings and found.package and self._is_module(f"{found.name}.{chain[0]}"):
            self.walk(self.find(f"{found.name}.{chain[0]}"), chain[1:], out, module, use, optional=optional)
        else:
            file = use.file or (self.label(module) if module is not None else "")
            self.resolve(found, replace(use, name=chain[0], chain=chain[1:], imported=None, file=file), out)

    def _is_module(self, name: str) -> bool:
        found = self.find(name)
        return isinstance(found, Module) or found.kind not in ("missing", "stdlib")

    def _outside(
        self,
        found: Found,
        chain: tuple[str, ...],
        out: Symbol,
        module: Module | None,
        use: Use,
        *,
        optional: bool,
    ) -> None:
        file = use.file or (self.label(module) if module is not None else "")
        place = f"{file}:{use.line}" if file and use.line else ""
        at = f", {place}" if place else ""
        is_folder = found.kind == "namespace" or (found.kind == "package" and not Path(found.file).suffix)
        if is_folder and chain and self._is_module(f"{found.name}.{chain[0]}"):
            self.walk(self.find(f"{found.name}.{chain[0]}"), chain[1:], out, module, use, optional=optional)
        elif found.kind == "package":
            known = distribution(found.name, found.file)
            if known is not None:
                out.packages[known[0]] = known[1]
            else:
                out.opaque[f"package {found.name!r}, whose version nothing records{at}"] = None
        elif found.kind == "stdlib":
            self._note_stdlib(found, chain, out, use, at)
        elif found.kind == "native":
            out.opaque[f"compiled module {found.name!r}{at}"] = None
        elif found.kind == "unreadable":
            out.opaque[f"{found.file}, which cannot be read as Python{at}"] = None
        elif found.kind != "ours" and not optional:
            what = ".".join((found.name, *chain[:1])) if found.kind == "namespace" else found.name
            out.opaque[f"module {what!r}, which cannot be found{at}"] = None

    def add_package(self, found: Found, out: Symbol) -> None:
        """Add an installed module by the version of its distribution."""
        self._outside(found, (), out, None, Use(found.name, (), 0), optional=False)

    def _note_stdlib(self, found: Found, chain: tuple[str, ...], out: Symbol, use: Use, at: str) -> None:
        target = (found.name, *chain[:1])
        if target in _DYNAMIC and use.call == "known" and "import" in target[1]:
            self.walk(self.find(use.argument), (), out, None, use)
        elif target in _DYNAMIC:
            out.opaque[f"{'.'.join(target)} of a computed name{at}"] = None
        elif target == ("sys", "modules"):
            out.opaque[f"sys.modules{at}"] = None
        elif found.name == "ctypes":
            out.opaque[f"a C library opened with ctypes{at}"] = None

    def is_ours(self, module: Module, name: str, chain: tuple[str, ...]) -> bool:
        """Whether a decorator is one of Fairlead's, also by another name or through the project's own modules."""
        for _ in range(8):  # imports of imports; more is no decorator of ours
            imported = next((b.imported for b in module.bindings.get(name, ()) if b.imported is not None), None)
            if imported is None:
                return False
            path = (imported.attribute, *chain) if imported.attribute else chain
            found = self.find(imported.absolute(module.name, package=module.package))
            while isinstance(found, Module) and path and path[0] not in found.bindings and found.package:
                found, path = self.find(f"{found.name}.{path[0]}"), path[1:]
            if isinstance(found, Found):
                return found.kind == "ours"
            if not path:
                return False
            module, name, chain = found, path[0], path[1:]
        return False


def task_code(symbols: dict[str, str], packages: dict[str, str], opaque: Iterable[str] = ()) -> TaskCode:
    """Put together what is known of a task's code; the digest is over symbols and packages."""
    symbols = dict(sorted(symbols.items()))
    packages = dict(sorted(packages.items()))
    digest = digest_of([*(part for item in symbols.items() for part in item), "", *map("==".join, packages.items())])
    return TaskCode(digest, symbols, packages, tuple(opaque))


def digest_of(tokens: Iterable[str]) -> str:
    """Digest a sequence of words."""
    return blake2b("\0".join(tokens).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
