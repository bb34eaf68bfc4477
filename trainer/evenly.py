"""Some of many, at equal distances."""


def evenly_spaced(wanted: int, count: int) -> list[int]:
    """The places of as many as are wanted, from 0 to count − 1; all where there are no more."""
    wanted = min(wanted, count)
    return [place * count // wanted for place in range(wanted)]
