"""What `scripts/bench` measures: one module per work, and the protocol they share.

Nothing of the product imports this. The modules that are named after a work run inside the virtual
environments of the peers as well, so at their top they import the standard library and `bench` only.
"""
