"""A rescue: what happens in place of a task that failed. The run succeeds all the same, and says what failed."""

from fairlead import Map, Pipeline, PythonTask

LIVE = {"London": 12.4, "Paris": 11.8}
YESTERDAY = {"London": 12.1, "Paris": 11.9, "Tokyo": 14.2}


def list_markets():
    markets = ["London", "Paris", "Tokyo"]
    return markets


def fetch(market):
    if market not in LIVE:
        raise ConnectionError(f"no answer from {market}")
    price = LIVE[market]
    return price


def remember(market, failure):
    print(f"{failure['task']}: {failure['message']}; using yesterday's price")
    price = YESTERDAY[market]
    return price


def cheapest(markets, price):
    best = min(zip(price, markets, strict=True))
    return best


rescue = Pipeline(
    [
        PythonTask(list_markets),
        Map("each", iterate_on="markets", iterate_as="market", branch=PythonTask(fetch, on_failure=remember)),
        PythonTask(cheapest),
    ],
    name="rescue",
)
