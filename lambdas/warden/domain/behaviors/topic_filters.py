"""The topic filters of dimensions.

Source: MQTT 3.1.1, 4.7; AWS IoT Device Defender Developer Guide, Scoping metrics: `${iot:ClientId}` stands for the
device's own.
"""

CLIENT_ID = "${iot:ClientId}"


def filter_problem(text: str) -> str:
    """What is expected where a text is no topic filter; empty where it is one."""
    levels = text.replace(CLIENT_ID, "client").split("/")
    if "\0" in text:
        return "a topic filter without NUL"
    if any("#" in level and (level != "#" or position < len(levels) - 1) for position, level in enumerate(levels)):
        return "# only as the last level of a topic filter"
    if any("+" in level and level != "+" for level in levels):
        return "+ only as a whole level of a topic filter"
    return ""
