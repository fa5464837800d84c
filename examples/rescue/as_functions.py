"""The same as a workflow function: `.on_failure` names what is called instead."""

import rescue as plain

from fairlead import task, workflow

list_markets = task(plain.list_markets)
fetch = task(plain.fetch)
remember = task(plain.remember)
cheapest = task(plain.cheapest)


@workflow
def rescue():
    markets = list_markets()
    return cheapest(markets, fetch.on_failure(remember).map(markets))
