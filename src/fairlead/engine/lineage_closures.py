"""One digest for everything that each name of a module reaches, for all names at once.

A run writes these down, since nobody knows beforehand which classes its values will have. Works in
time linear in the names and what they need. What a name means is the resolver's to say.
"""

from __future__ import annotations

from collections.abc import Iterable

from fairlead.engine.lineage_index import Module
from fairlead.engine.lineage_resolve import Key, Resolver, digest_of

__all__ = ["closures"]

_DIGITS = 20


def closures(resolver: Resolver, modules: Iterable[str]) -> dict[str, str]:
    """Digest what is reached from each class and function (`module:name`), and from each module (`module:`)."""
    wanted: dict[str, list[Key]] = {}
    for name in modules:
        found = resolver.find(name)
        if isinstance(found, Module):
            keys = [
                (found.file, bound)
                for bound, bindings in found.bindings.items()
                if any(binding.imported is None for binding in bindings)
            ]
            wanted |= {f"{name}:{key[1]}": [key] for key in keys}
            wanted[f"{name}:"] = [*keys, (found.file, "*")]
    done: dict[Key, str] = {}
    for keys in wanted.values():
        for key in keys:
            if key not in done:
                _components(resolver, key, done)
    return {name: digest_of(sorted(done[key] for key in keys))[:_DIGITS] for name, keys in wanted.items()}


def _components(resolver: Resolver, start: Key, done: dict[Key, str]) -> None:
    """Digest what is reached from here: what needs each other in a circle has one digest (Tarjan's way)."""
    order: dict[Key, int] = {start: 0}
    low: dict[Key, int] = {start: 0}
    stack = [start]
    work = [(start, iter(list(resolver.symbol(start).needs)))]
    while work:
        key, needs = work[-1]
        for need in needs:
            if need in done:
                continue
            if need not in order:
                order[need] = low[need] = len(order)
                stack.append(need)
                work.append((need, iter(list(resolver.symbol(need).needs))))
                break
            low[key] = min(low[key], order[need])
        else:
            work.pop()
            if work:
                low[work[-1][0]] = min(low[work[-1][0]], low[key])
            if low[key] == order[key]:
                circle = stack[stack.index(key) :] if stack[-1] != key else [key]
                del stack[-len(circle) :]
                digest = _digest(resolver, circle, done)
                done.update(dict.fromkeys(circle, digest))


def _digest(resolver: Resolver, circle: list[Key], done: dict[Key, str]) -> str:
    own: set[str] = set()
    beyond: set[str] = set()
    for key in circle:
        symbol = resolver.symbol(key)
        own.update(f"{label}={digest}" for label, digest in symbol.symbols.items())
        own.update(f"{name}=={version}" for name, version in symbol.packages.items())
        beyond.update(done[need] for need in symbol.needs if need in done)
    return digest_of([*sorted(own), "", *sorted(beyond)])
