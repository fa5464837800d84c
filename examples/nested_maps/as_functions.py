"""The same as workflow functions: what is mapped over the cities is a small workflow itself."""

import nested_maps as plain

from fairlead import task, workflow

list_cities = task(plain.list_cities)
read_days = task(plain.read_days)
to_celsius = task(plain.to_celsius)
average = task(plain.average)
find_warmest = task(plain.find_warmest)


@workflow
def each_city(city):
    return average(city, to_celsius.map(read_days(city)))


@workflow
def nested_maps():
    cities = list_cities()
    return find_warmest(cities, each_city.map(cities))
