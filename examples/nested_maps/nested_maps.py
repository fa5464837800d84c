"""A map inside a map: for every city its days, for every day its temperature."""

from fairlead import Map, Pipeline, PythonTask

FAHRENHEIT = {
    "Oslo": [24.8, 28.4, 33.8],
    "Lima": [73.4, 71.6],
    "Cairo": [59.0, 62.6, 66.2, 68.0],
}


def list_cities():
    cities = list(FAHRENHEIT)
    return cities


def read_days(city):
    days = FAHRENHEIT[city]
    return days


def to_celsius(day):
    celsius = (day - 32) * 5 / 9
    return celsius


def average(city, celsius):
    mean = round(sum(celsius) / len(celsius), 1)
    print(f"{city}: {mean} °C over {len(celsius)} days")
    return mean


def find_warmest(cities, mean):
    warmest = max(zip(mean, cities, strict=True))[1]
    return warmest


nested_maps = Pipeline(
    [
        PythonTask(list_cities),
        Map(
            "each_city",
            iterate_on="cities",
            iterate_as="city",
            branch=[
                PythonTask(read_days),
                Map("each_day", iterate_on="days", iterate_as="day", branch=to_celsius),
                PythonTask(average),
            ],
        ),
        PythonTask(find_warmest),
    ],
    name="nested_maps",
)
