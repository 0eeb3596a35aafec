"""Time of day: add or take away minutes, and the minutes between two times. The carry at the hour is worked."""

from .example import worked
from .words import NAMES

EVENTS = ["A bus leaves at {t}", "A film starts at {t}", "{n} starts to cook at {t}", "{n} goes for a walk at {t}",
          "A train leaves at {t}", "A lesson begins at {t}"]


def _hm(minutes):
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"


def _split(minutes):
    return f"{minutes} min = {minutes // 60} h {minutes % 60} min"


def _later(rng):
    start, delta = rng.randint(0, 24 * 60 - 1), rng.randint(15, 199)
    lines, minutes = [], start % 60 + delta % 60
    if delta >= 60:
        lines += [_split(delta), f"{_hm(start)} + {delta // 60} h = {_hm(start + delta // 60 * 60)}"]
    lines.append(f"{start % 60} + {delta % 60} = {minutes}")
    if minutes >= 60:
        lines.append(f"{minutes} - 60 = {minutes - 60}")
    event = rng.choice(EVENTS).format(t=_hm(start), n=rng.choice(NAMES))
    ask = rng.choice(["and takes {d} minutes. When is the end?", "and is over {d} minutes later. At what time?"])
    return worked("clock", "later", f"{start}+{delta}", f"{event} {ask.format(d=delta)}", lines, _hm(start + delta))


def _earlier(rng):
    end, delta = rng.randint(400, 24 * 60 - 1), rng.randint(15, 199)
    lines, minutes = [], end % 60
    if delta >= 60:
        lines += [_split(delta), f"{_hm(end)} - {delta // 60} h = {_hm(end - delta // 60 * 60)}"]
    if minutes < delta % 60:
        lines.append(f"{minutes} + 60 = {minutes + 60}")
        minutes += 60
    lines.append(f"{minutes} - {delta % 60} = {minutes - delta % 60}")
    name = rng.choice(NAMES)
    prompt = rng.choice([f"{name} must arrive at {_hm(end)}. The way takes {delta} minutes. When must {name} leave?",
                         f"A show of {delta} minutes ended at {_hm(end)}. When did it start?"])
    return worked("clock", "earlier", f"{end}-{delta}", prompt, lines, _hm(end - delta))


def _between(rng):
    start = rng.randint(0, 18 * 60)
    end = start + rng.randint(15, 299)
    to_hour = 60 - start % 60
    full = (end - start - to_hour) // 60
    prompt = rng.choice(["How many minutes are there from {a} to {b}?",
                         "A shift lasts from {a} to {b}. How many minutes is that?"]).format(a=_hm(start), b=_hm(end))
    if end - start <= to_hour:
        lines = [f"{end % 60 or 60} - {start % 60} = {end - start}"]
    else:
        rest = end - start - to_hour - full * 60
        lines = [f"60 - {start % 60} = {to_hour}", f"{full} * 60 = {full * 60}", f"{to_hour} + {full * 60} = "
                 f"{to_hour + full * 60}", f"{to_hour + full * 60} + {rest} = {end - start}"]
    return worked("clock", "between", f"{start}..{end}", prompt, lines, end - start)


def make(rng):
    return rng.choice([_later, _earlier, _between])(rng)
