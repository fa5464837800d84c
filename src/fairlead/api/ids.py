"""Ids of runs: two words to say aloud, and enough letters that nobody meets another's.

An id is a name and nothing else: no time and no order can be read from it.
"""

from __future__ import annotations

import os

__all__ = ["new_id"]

_HOW = (
    "able amber bold brave brief bright brisk broad calm candid cheery civil clean clear clever cool cosy crisp "
    "daring deep deft eager early easy even fair famous fast fine firm fleet fond fresh gentle glad golden good grand "
    "green happy hardy honest humble jolly keen kind large lively lofty loyal lucky mellow merry mild modest neat "
    "nimble noble patient placid plain polite prime proud quick quiet rapid ready robust rosy royal rugged sage "
    "serene sharp silent silver simple sincere sleek smart smooth snug solid sound spry stable steady still stout "
    "strong sturdy subtle sunny sure swift tender tidy tranquil true trusty upbeat vast vivid warm wise witty zesty"
).split()
_WHO = (
    "albatross anchor auk barque beacon bittern bollard bream brig buoy capstan char clipper cod cormorant crab "
    "crane current cutter cuttle delta dinghy dolphin dory drake dunlin eddy egret eider estuary fathom ferry finch "
    "fjord flounder frigate galley gannet godwit grebe gull gurnard haddock halyard harbour hawser heron herring "
    "island jetty kelp kestrel ketch kite knot lagoon lantern ling lobster loon lugger mackerel mallard marlin mast "
    "mooring mussel narwhal oar orca osprey otter oyster pelican perch petrel pier pilot pintail plover porpoise "
    "puffin quay rail ray reef rudder salmon sandpiper schooner seal shad shearwater shoal skiff skua sloop snipe "
    "sole squid stork sturgeon swan swift teal tern tide trawler trout tuna turbot walrus wharf whelk wigeon yawl"
).split()
_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
"""Without those that are taken for each other."""


def new_id() -> str:
    """Make an id such as `calm-otter-7k3f`; one of about 10 billion."""
    chance = os.urandom(6)
    tail = "".join(_LETTERS[byte % len(_LETTERS)] for byte in chance[2:])
    return f"{_HOW[chance[0] % len(_HOW)]}-{_WHO[chance[1] % len(_WHO)]}-{tail}"
